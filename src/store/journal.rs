use super::{
    Disk, Fault, Location, Position, Record, RecordRef, StoreError,
    format::{
        Entry, GROUP_FIXED, GroupHead, HeadFault, MAX_GROUP_RECORDS, SEGMENT_HEAD, SegmentHead,
        holds_later_group, segment_name, segment_number,
    },
};
use crate::model::Digest;
use std::sync::Arc;

/// The append-only journal: the truth from which all else is rebuilt (DESIGN §10).
pub(super) struct Journal {
    disk: Arc<dyn Disk>,
    segment_bytes: u64,
    segment: u32,
    end: u64,
    position: Position,
}

/// A group that is ready to be written: nothing about it can be refused any more but by the disk.
pub(super) struct Planned {
    pub locations: Vec<Location>,
    pub position: Position,
    bytes: Vec<u8>,
    segment: u32,
    offset: u64,
}

impl Journal {
    /// Opens the journal, cutting a tail that was torn before it was ever synced, and returns how many
    /// bytes were cut. `synced` is how far the journal is known to have been synced.
    pub fn open(
        disk: Arc<dyn Disk>,
        segment_bytes: u64,
        synced: Position,
    ) -> Result<(Self, u64), StoreError> {
        let segments = count_segments(&*disk)?;
        let stillborn = stillborn(&*disk, segments)?;
        let last = if stillborn.is_some() { segments - 1 } else { segments };
        let mut journal = Self { disk, segment_bytes, segment: last, end: 0, position: Position::GENESIS };
        let mut cut = stillborn.unwrap_or(0);
        if last > 0 {
            let tail = Tail::walk(&*journal.disk, last, synced, stillborn.is_some())?;
            (journal.end, journal.position) = (tail.end, tail.position);
            cut += journal.cut_after(&tail)?;
            journal.settle(&tail, synced)?;
        } else if synced.sequence > 0 {
            return Err(corrupt(1, 0, Fault::MissingSegment));
        }
        if stillborn.is_some() {
            let name = segment_name(segments);
            let removed = journal.disk.remove(&name).and_then(|()| journal.disk.sync_dir());
            removed.map_err(StoreError::io("remove", &name))?;
        }
        if last == 0 {
            journal.start_segment(1)?;
        }
        Ok((journal, cut))
    }

    pub const fn position(&self) -> Position {
        self.position
    }

    /// Lays out the next group without touching the disk.
    pub fn plan(&self, records: &[Record]) -> Result<Planned, StoreError> {
        if records.len() > MAX_GROUP_RECORDS {
            let (size, limit) = (records.len() as u64, MAX_GROUP_RECORDS as u64);
            return Err(StoreError::TooLarge { what: "records in a group", size, limit });
        }
        let Some((head, mut bytes)) = GroupHead::describe(self.position, records) else {
            let limit = u64::from(u32::MAX);
            return Err(StoreError::TooLarge { what: "a record in bytes", size: limit + 1, limit });
        };
        records.iter().for_each(|record| bytes.extend_from_slice(&record.bytes));
        let head_only = SEGMENT_HEAD as u64;
        let full = self.end > head_only && self.end + head.len() > self.segment_bytes;
        let (segment, offset) = if full { (self.segment + 1, head_only) } else { (self.segment, self.end) };
        let locations = head.locations(segment, offset);
        Ok(Planned { locations, position: head.position(), bytes, segment, offset })
    }

    /// Writes a planned group and syncs it; once this returns, the group is durable.
    ///
    /// After an error nothing may be written any more: what the disk holds is known only at the next open.
    pub fn write(&mut self, group: &Planned) -> Result<(), StoreError> {
        if group.segment != self.segment {
            self.start_segment(group.segment)?;
        }
        let name = segment_name(group.segment);
        self.disk.write_at(&name, group.offset, &group.bytes).map_err(StoreError::io("write", &name))?;
        self.disk.sync(&name).map_err(StoreError::io("sync", &name))?;
        self.end = group.offset + group.bytes.len() as u64;
        self.position = group.position;
        Ok(())
    }

    /// The head is synced before the first group follows, so that a damaged head is never a torn one
    /// once the file is longer than it.
    fn start_segment(&mut self, number: u32) -> Result<(), StoreError> {
        let name = segment_name(number);
        let head = SegmentHead { number, before: self.position }.encode();
        self.disk.create(&name).map_err(StoreError::io("create", &name))?;
        self.disk.write_at(&name, 0, &head).map_err(StoreError::io("write", &name))?;
        self.disk.sync(&name).map_err(StoreError::io("sync", &name))?;
        (self.segment, self.end) = (number, SEGMENT_HEAD as u64);
        Ok(())
    }

    /// Cuts even where nothing is left to cut: a cut whose sync failed reads well, and the disk still has
    /// what was cut, which would stand between the last group and the next segment.
    fn cut_after(&self, tail: &Tail) -> Result<u64, StoreError> {
        let name = segment_name(self.segment);
        let done = self.disk.truncate(&name, tail.end).and_then(|()| self.disk.sync(&name));
        done.map_err(StoreError::io("cut", &name))?;
        Ok(tail.file_len - tail.end)
    }

    /// Writes the last group again, unless it is known to be synced. After a failed sync Linux takes the
    /// pages for clean: they read well, a later sync passes, and the disk never got them.
    fn settle(&self, tail: &Tail, synced: Position) -> Result<(), StoreError> {
        let head_synced = tail.end > SEGMENT_HEAD as u64;
        if head_synced && synced.sequence >= tail.position.sequence {
            return Ok(());
        }
        let name = segment_name(self.segment);
        for (from, to) in [(0, SEGMENT_HEAD as u64), (tail.last_group, tail.end)] {
            let bytes = read(&*self.disk, &name, from, to - from)?;
            self.disk.write_at(&name, from, &bytes).map_err(StoreError::io("write", &name))?;
        }
        let synced = self.disk.sync(&name).and_then(|()| self.disk.sync_dir());
        synced.map_err(StoreError::io("sync", &name))
    }
}

/// A place between two groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The group before it.
    pub position: Position,
    /// The segment in which it lies.
    pub segment: u32,
    /// Where in the segment, in bytes.
    pub offset: u64,
}

impl Place {
    /// Where the journal begins.
    pub const START: Self = Self { position: Position::GENESIS, segment: 1, offset: SEGMENT_HEAD as u64 };
}

/// Finds the place after a group; `None` if this journal has no such group.
pub(super) fn find(disk: &dyn Disk, position: Position) -> Result<Option<Place>, StoreError> {
    for segment in (1..=count_segments(disk)?).rev() {
        let start = read_head(disk, segment)?.before;
        if start.sequence > position.sequence {
            continue;
        }
        let mut place = Place { position: start, segment, offset: SEGMENT_HEAD as u64 };
        let mut window = Window::over(disk, segment)?;
        while place.position.sequence < position.sequence && place.offset < window.len {
            let Some(head) = window.group_head(place.offset)? else { return Ok(None) };
            if !head.follows(place.position) {
                return Ok(None);
            }
            place.position = head.position();
            place.offset += head.len();
        }
        return Ok((place.position == position).then_some(place));
    }
    Ok(None)
}

/// Tells before which group each segment begins, the first segment first.
pub(super) fn segment_starts(disk: &dyn Disk) -> Result<Vec<Place>, StoreError> {
    let start = |segment| {
        let position = read_head(disk, segment)?.before;
        Ok(Place { position, segment, offset: SEGMENT_HEAD as u64 })
    };
    (1..=count_segments(disk)?).map(start).collect()
}

/// Shows every record from `from` up to `until` to `visit`, one group at a time and in order, and checks
/// everything that it reads; big records are located and not read.
pub(super) fn replay<E: From<StoreError>>(
    disk: &dyn Disk,
    from: Place,
    until: Position,
    mut visit: impl FnMut(Position, &[Stored]) -> Result<(), E>,
) -> Result<(), E> {
    let mut at = from.position;
    let segments = count_segments(disk)?;
    for segment in from.segment..=segments {
        if at.sequence == until.sequence {
            break;
        }
        let offset = if segment == from.segment { from.offset } else { SEGMENT_HEAD as u64 };
        at = replay_segment(disk, Place { position: at, segment, offset }, until.sequence, &mut visit)?;
    }
    let fault = if at.sequence < until.sequence { Fault::MissingGroups } else { Fault::Chain };
    if at == until { Ok(()) } else { Err(corrupt(segments, 0, fault).into()) }
}

/// Shows the records of one segment as [`replay`] does, and returns behind which group it ended.
pub(super) fn replay_segment<E: From<StoreError>>(
    disk: &dyn Disk,
    from: Place,
    until: u64,
    mut visit: impl FnMut(Position, &[Stored]) -> Result<(), E>,
) -> Result<Position, E> {
    let Place { mut position, segment, mut offset } = from;
    if offset == SEGMENT_HEAD as u64 && read_head(disk, segment)?.before != position {
        return Err(corrupt(segment, 0, Fault::Chain).into());
    }
    let mut window = Window::over(disk, segment)?;
    while offset < window.len && position.sequence < until {
        let head = window.group_head(offset)?.ok_or(corrupt(segment, offset, Fault::GroupHead))?;
        if !head.follows(position) {
            return Err(corrupt(segment, offset, Fault::Chain).into());
        }
        let stored = window.small_records(offset, &head)?;
        position = head.position();
        offset += head.len();
        visit(position, &stored)?;
    }
    Ok(position)
}

/// Reads a segment from its front to its end, much at once.
struct Window<'d> {
    disk: &'d dyn Disk,
    segment: u32,
    name: String,
    /// How long the segment's file is.
    len: u64,
    start: u64,
    bytes: Vec<u8>,
}

/// What is read at once.
const WINDOW: u64 = 1 << 20;

impl<'d> Window<'d> {
    fn over(disk: &'d dyn Disk, segment: u32) -> Result<Self, StoreError> {
        let (name, len) = measure(disk, segment)?;
        Ok(Self { disk, segment, name, len, start: 0, bytes: Vec::new() })
    }

    fn read(&mut self, offset: u64, len: u64) -> Result<&[u8], StoreError> {
        let held = self.start..self.start + self.bytes.len() as u64;
        if !(held.contains(&offset) && offset + len <= held.end) && len > 0 {
            let wanted = len.max(WINDOW.min(self.len.saturating_sub(offset)));
            self.bytes = read(self.disk, &self.name, offset, wanted)?;
            self.start = offset;
        }
        let from = usize::try_from(offset - self.start).unwrap_or(usize::MAX);
        let held = self.bytes.get(from..).and_then(|rest| rest.get(..usize::try_from(len).ok()?));
        if len == 0 { Ok(&[]) } else { held.ok_or(corrupt(self.segment, offset, Fault::GroupHead)) }
    }

    /// Reads a group's head as [`read_group_head`] does.
    fn group_head(&mut self, offset: u64) -> Result<Option<GroupHead>, StoreError> {
        let rest = self.len - offset;
        if rest < GROUP_FIXED as u64 {
            return Ok(None);
        }
        let fixed = self.read(offset, GROUP_FIXED as u64)?;
        let Some(head_len) = GroupHead::measure(fixed).map(|n| n as u64).filter(|n| *n <= rest) else {
            return Ok(None);
        };
        let head = GroupHead::parse(self.read(offset, head_len)?);
        Ok(head.filter(|head| head.len() <= rest))
    }

    fn small_records(&mut self, offset: u64, head: &GroupHead) -> Result<Vec<Stored>, StoreError> {
        let records = (0..).zip(&head.entries).zip(head.locations(self.segment, offset));
        let mut read_one = |((nth, entry), location): ((u32, &Entry), Location)| {
            let mut bytes = None;
            if !Record::is_big(entry.kind) {
                let found = self.read(location.offset, u64::from(location.len))?;
                if Digest::of(&[found]) != location.digest {
                    let (segment, offset) = (location.segment, location.offset);
                    return Err(StoreError::Corrupt {
                        segment,
                        offset,
                        record: Some(nth),
                        fault: Fault::Record,
                    });
                }
                bytes = Some(found.to_vec());
            }
            Ok(Stored { kind: entry.kind, bytes, location })
        };
        records.map(&mut read_one).collect()
    }
}

/// What of the journal's files belongs to a place in its history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The place.
    pub position: Position,
    /// The files in their order, each with how many of its bytes belong to it.
    pub files: Vec<(String, u64)>,
}

/// Finds what belongs to `until`, or to the last whole group, and checks every record on the way. Another
/// process may go on writing: what comes after `until` is not looked at.
///
/// # Errors
/// `Corrupt` at the first damage, `Io` if the disk refuses.
pub fn extent(disk: &dyn Disk, until: Option<Position>) -> Result<Extent, StoreError> {
    let synced = super::marks::read_synced(disk);
    let mut found = Extent { position: Position::GENESIS, files: Vec::new() };
    let segments = count_segments(disk)?;
    for segment in 1..=segments {
        if until == Some(found.position) {
            break;
        }
        let last = segment == segments;
        let (name, len) = measure(disk, segment)?;
        match read_head(disk, segment) {
            Ok(head) if head.before == found.position => {}
            // It was torn as it was made, and no group was ever in it.
            Err(StoreError::Corrupt { .. }) if last && len <= SEGMENT_HEAD as u64 && until.is_none() => break,
            Ok(_) => return Err(corrupt(segment, 0, Fault::Chain)),
            Err(error) => return Err(error),
        }
        let mut offset = SEGMENT_HEAD as u64;
        while offset < len && until != Some(found.position) {
            let torn_at = Tail { position: found.position, last_group: offset, end: offset, file_len: len };
            match whole_group(disk, segment, offset, found.position, len) {
                Ok(head) => {
                    found.position = head.position();
                    offset += head.len();
                }
                Err(StoreError::Corrupt { .. })
                    if last && until.is_none() && torn_at.torn(disk, &name, synced)? =>
                {
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        found.files.push((name, offset));
    }
    match until {
        Some(until) if until != found.position => Err(corrupt(segments, 0, Fault::MissingGroups)),
        Some(_) | None => Ok(found),
    }
}

/// Reads one group with all its records, and checks that it follows the one before.
fn whole_group(
    disk: &dyn Disk,
    segment: u32,
    offset: u64,
    before: Position,
    len: u64,
) -> Result<GroupHead, StoreError> {
    let head = read_group_head(disk, &segment_name(segment), offset, len)?;
    let head = head.ok_or(corrupt(segment, offset, Fault::GroupHead))?;
    if !head.follows(before) {
        return Err(corrupt(segment, offset, Fault::Chain));
    }
    for (nth, location) in (0..).zip(head.locations(segment, offset)) {
        read_record(disk, &location, Some(nth))?;
    }
    Ok(head)
}

/// A record as a replay finds it.
pub(super) struct Stored {
    kind: u8,
    bytes: Option<Vec<u8>>,
    location: Location,
}

impl Stored {
    pub fn as_ref(&self) -> RecordRef<'_> {
        RecordRef { kind: self.kind, bytes: self.bytes.as_deref(), location: self.location }
    }
}

/// Reads a record and checks it against its digest.
pub(super) fn read_record(
    disk: &dyn Disk,
    at: &Location,
    record: Option<u32>,
) -> Result<Vec<u8>, StoreError> {
    let bytes = read(disk, &segment_name(at.segment), at.offset, u64::from(at.len))?;
    if Digest::of(&[&bytes]) != at.digest {
        let (segment, offset) = (at.segment, at.offset);
        return Err(StoreError::Corrupt { segment, offset, record, fault: Fault::Record });
    }
    Ok(bytes)
}

/// What the last segment holds, up to the first group that is not whole.
struct Tail {
    position: Position,
    last_group: u64,
    end: u64,
    file_len: u64,
}

impl Tail {
    fn walk(disk: &dyn Disk, segment: u32, synced: Position, all_synced: bool) -> Result<Self, StoreError> {
        let (name, file_len) = measure(disk, segment)?;
        let start = SEGMENT_HEAD as u64;
        let position = read_head(disk, segment)?.before;
        let mut tail = Self { position, last_group: start, end: start, file_len };
        loop {
            tail.check_evidence(segment, synced)?;
            if tail.end == file_len {
                break;
            }
            match tail.next_group(disk, segment, &name) {
                Ok(head) if head.follows(tail.position) => tail.advance(&head),
                Ok(_) => return Err(corrupt(segment, tail.end, Fault::Chain)),
                Err(StoreError::Corrupt { .. }) if !all_synced && tail.torn(disk, &name, synced)? => break,
                Err(error) => return Err(error),
            }
        }
        if synced.sequence > tail.position.sequence {
            return Err(corrupt(segment, tail.end, Fault::MissingGroups));
        }
        Ok(tail)
    }

    /// Reads the next group's head, and its records if it is the last: the others were synced.
    fn next_group(&self, disk: &dyn Disk, segment: u32, name: &str) -> Result<GroupHead, StoreError> {
        let head = read_group_head(disk, name, self.end, self.file_len)?;
        let head = head.ok_or(corrupt(segment, self.end, Fault::GroupHead))?;
        if self.end + head.len() == self.file_len {
            for (nth, location) in (0..).zip(head.locations(segment, self.end)) {
                read_record(disk, &location, Some(nth))?;
            }
        }
        Ok(head)
    }

    fn advance(&mut self, head: &GroupHead) {
        self.position = head.position();
        self.last_group = self.end;
        self.end += head.len();
    }

    fn check_evidence(&self, segment: u32, synced: Position) -> Result<(), StoreError> {
        let other_history = synced.sequence == self.position.sequence && synced.chain != self.position.chain;
        if other_history { Err(corrupt(segment, self.end, Fault::Chain)) } else { Ok(()) }
    }

    /// Tells whether the damaged group that begins at `end` may never have been synced. It was if the
    /// synced mark covers it, or if a later group exists, for that is written only after its sync.
    fn torn(&self, disk: &dyn Disk, name: &str, synced: Position) -> Result<bool, StoreError> {
        if synced.sequence > self.position.sequence {
            return Ok(false);
        }
        let rest = read(disk, name, self.end, self.file_len - self.end)?;
        Ok(!holds_later_group(&rest, self.position.sequence + 1))
    }
}

fn count_segments(disk: &dyn Disk) -> Result<u32, StoreError> {
    let names = disk.list().map_err(StoreError::io("list", "the store's directory"))?;
    let mut numbers: Vec<u32> = names.iter().filter_map(|name| segment_number(name)).collect();
    numbers.sort_unstable();
    match (1..).zip(&numbers).find(|(expected, found)| expected != *found) {
        Some((expected, _)) => Err(corrupt(expected, 0, Fault::MissingSegment)),
        None => Ok(numbers.last().copied().unwrap_or(0)),
    }
}

/// Tells the length of a last segment whose head was torn as it was made: no group was ever in it.
fn stillborn(disk: &dyn Disk, last: u32) -> Result<Option<u64>, StoreError> {
    if last == 0 {
        return Ok(None);
    }
    let (_, len) = measure(disk, last)?;
    let head = read_head(disk, last);
    if len <= SEGMENT_HEAD as u64 && matches!(head, Err(StoreError::Corrupt { .. })) {
        return Ok(Some(len));
    }
    head.map(|_| None)
}

fn measure(disk: &dyn Disk, segment: u32) -> Result<(String, u64), StoreError> {
    let name = segment_name(segment);
    let len = disk.len(&name).map_err(StoreError::io("measure", &name))?;
    Ok((name, len))
}

fn read_head(disk: &dyn Disk, segment: u32) -> Result<SegmentHead, StoreError> {
    let (name, len) = measure(disk, segment)?;
    if len < SEGMENT_HEAD as u64 {
        return Err(corrupt(segment, 0, Fault::SegmentHead));
    }
    let mut bytes = [0; SEGMENT_HEAD];
    disk.read_at(&name, 0, &mut bytes).map_err(StoreError::io("read", &name))?;
    match SegmentHead::parse(&bytes) {
        Ok(head) if head.number == segment => Ok(head),
        Ok(_) | Err(HeadFault::Damaged) => Err(corrupt(segment, 0, Fault::SegmentHead)),
        Err(HeadFault::Version(version)) => Err(StoreError::UnsupportedVersion { segment, version }),
    }
}

/// Reads a group's head; `None` unless it is whole and its group fits into the `len` bytes of the file.
fn read_group_head(
    disk: &dyn Disk,
    name: &str,
    offset: u64,
    len: u64,
) -> Result<Option<GroupHead>, StoreError> {
    let rest = len - offset;
    if rest < GROUP_FIXED as u64 {
        return Ok(None);
    }
    let fixed = read(disk, name, offset, GROUP_FIXED as u64)?;
    let Some(head_len) = GroupHead::measure(&fixed).map(|n| n as u64).filter(|n| *n <= rest) else {
        return Ok(None);
    };
    let head = GroupHead::parse(&read(disk, name, offset, head_len)?);
    Ok(head.filter(|head| head.len() <= rest))
}

fn read(disk: &dyn Disk, name: &str, offset: u64, len: u64) -> Result<Vec<u8>, StoreError> {
    let too_long = |_| std::io::Error::from(std::io::ErrorKind::InvalidInput);
    let read = usize::try_from(len).map_err(too_long).and_then(|len| {
        let mut bytes = vec![0; len];
        disk.read_at(name, offset, &mut bytes).map(|()| bytes)
    });
    read.map_err(StoreError::io("read", name))
}

const fn corrupt(segment: u32, offset: u64, fault: Fault) -> StoreError {
    StoreError::Corrupt { segment, offset, record: None, fault }
}
