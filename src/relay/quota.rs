use super::Lane;

/// How much may wait at a relay (DESIGN §9). Each source has a share of its own in each lane, so that
/// junk of one source takes no room from another, and bulk takes none from acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quotas {
    /// The most bytes of one source in the acts lane.
    pub acts_bytes: u64,
    /// The most parcels of one source in the acts lane.
    pub acts_parcels: u64,
    /// The most bytes of one source in the bulk lane.
    pub bulk_bytes: u64,
    /// The most parcels of one source in the bulk lane.
    pub bulk_parcels: u64,
    /// The most bytes of all sources in the bulk lane.
    pub bulk_total: u64,
    /// For how long a parcel is kept at most, in seconds.
    pub retention: i64,
}

/// What one source has waiting in one lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes of bodies.
    pub bytes: u64,
    /// Parcels.
    pub parcels: u64,
}

impl Quotas {
    /// Tells whether a source that has `used` may add `size` bytes to a lane.
    pub(super) const fn admits(&self, lane: Lane, used: Usage, size: u64) -> bool {
        let (bytes, parcels) = match lane {
            Lane::Acts => (self.acts_bytes, self.acts_parcels),
            Lane::Bulk => (self.bulk_bytes, self.bulk_parcels),
        };
        used.parcels < parcels && used.bytes.saturating_add(size) <= bytes
    }
}

impl Usage {
    pub(super) const fn add(&mut self, size: u64) {
        self.bytes += size;
        self.parcels += 1;
    }

    pub(super) const fn remove(&mut self, size: u64) {
        self.bytes -= size;
        self.parcels -= 1;
    }
}
