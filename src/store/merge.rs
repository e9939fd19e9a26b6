use super::{Index, IndexFault, run::Delta};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Rows in ascending order of their keys.
pub(super) type Feed<'f> = Box<dyn Iterator<Item = Result<Delta, IndexFault>> + 'f>;

/// The next row of a feed: its key, which feed it is, and what the key has.
type Head = (Vec<u8>, usize, Option<Vec<u8>>);

/// Merges feeds into one; of rows with one key that of the first feed counts, which is the newest.
pub(super) struct Merge<'f> {
    feeds: Vec<Feed<'f>>,
    heads: BinaryHeap<Reverse<Head>>,
}

impl<'f> Merge<'f> {
    pub fn of(feeds: Vec<Feed<'f>>) -> Result<Self, IndexFault> {
        let mut merge = Self { heads: BinaryHeap::with_capacity(feeds.len()), feeds };
        for nth in 0..merge.feeds.len() {
            merge.refill(nth)?;
        }
        Ok(merge)
    }

    fn refill(&mut self, nth: usize) -> Result<(), IndexFault> {
        if let Some(row) = self.feeds.get_mut(nth).and_then(Iterator::next) {
            let (key, value) = row?;
            self.heads.push(Reverse((key, nth, value)));
        }
        Ok(())
    }

    fn step(&mut self) -> Result<Option<Delta>, IndexFault> {
        let Some(Reverse((key, nth, value))) = self.heads.pop() else { return Ok(None) };
        self.refill(nth)?;
        while self.heads.peek().is_some_and(|Reverse((next, ..))| *next == key) {
            if let Some(Reverse((_, older, _))) = self.heads.pop() {
                self.refill(older)?;
            }
        }
        Ok(Some((key, value)))
    }
}

impl Iterator for Merge<'_> {
    type Item = Result<Delta, IndexFault>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}

/// Rows that are read from an index of changes at once.
const CHUNK: usize = 256;
/// What a value in an index of changes begins with: the key has this value, or it is gone.
const VALUE: u8 = 1;
const GONE: u8 = 0;

/// Makes the value under which an index keeps a change.
pub(super) fn wrap(value: Option<Vec<u8>>) -> Vec<u8> {
    match value {
        Some(value) => [&[VALUE], value.as_slice()].concat(),
        None => vec![GONE],
    }
}

/// Reads what [`wrap`] made.
pub(super) fn unwrap(mut wrapped: Vec<u8>) -> Result<Option<Vec<u8>>, IndexFault> {
    match wrapped.first() {
        Some(&VALUE) => {
            wrapped.remove(0);
            Ok(Some(wrapped))
        }
        Some(&GONE) => Ok(None),
        Some(_) | None => Err(IndexFault("a change in the index cannot be read".to_owned())),
    }
}

/// The rows of an index of changes, a few at a time.
pub(super) struct RecentFeed<'i> {
    index: &'i dyn Index,
    prefix: Vec<u8>,
    after: Option<Vec<u8>>,
    limit: usize,
    rows: std::vec::IntoIter<(Vec<u8>, Vec<u8>)>,
    ended: bool,
}

impl<'i> RecentFeed<'i> {
    /// Lists as [`Index::page`] does; it reads no more than `limit` rows at once.
    pub fn of(index: &'i dyn Index, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Self {
        let (prefix, after) = (prefix.to_vec(), after.map(<[u8]>::to_vec));
        Self {
            index,
            prefix,
            after,
            limit: limit.clamp(1, CHUNK),
            rows: Vec::new().into_iter(),
            ended: false,
        }
    }

    fn fill(&mut self) -> Result<(), IndexFault> {
        let rows = self.index.page(&self.prefix, self.after.as_deref(), self.limit)?;
        self.ended = rows.len() < self.limit;
        self.after = rows.last().map(|(key, _)| key.clone()).or_else(|| self.after.take());
        self.rows = rows.into_iter();
        Ok(())
    }
}

impl Iterator for RecentFeed<'_> {
    type Item = Result<Delta, IndexFault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rows.len() == 0
            && !self.ended
            && let Err(fault) = self.fill()
        {
            self.ended = true;
            return Some(Err(fault));
        }
        let (key, value) = self.rows.next()?;
        Some(unwrap(value).map(|value| (key, value)))
    }
}
