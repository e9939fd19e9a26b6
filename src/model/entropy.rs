/// Supplies random bytes to the pure rooms, which never reach for the machine's own source.
///
/// The node passes the operating system's generator; a simulation passes a seeded one.
pub trait Entropy {
    /// Fills `buf` with bytes that are unpredictable to anyone without access to this source.
    fn fill(&mut self, buf: &mut [u8]);
}

impl<E: Entropy + ?Sized> Entropy for &mut E {
    fn fill(&mut self, buf: &mut [u8]) {
        (**self).fill(buf);
    }
}
