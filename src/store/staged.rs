use super::{
    Position,
    index::{Batch, Index, IndexFault, Row, end_of},
};
use std::{collections::BTreeMap, mem, ops::Bound};

/// The newest rows in memory, and below them, once memory is full, an index that takes what is too much, in the order
/// of its keys.
///
/// A row that is written again before it goes down, such as a head or an act that waits for a moment only, never goes
/// down at all; and what goes down at once lies side by side there.
pub struct StagedIndex {
    fresh: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
    below: Option<Box<dyn Index>>,
    make: Make,
    high_water: Position,
    /// Up to which key rows have gone down in this round.
    swept: Vec<u8>,
}

/// Makes the empty index below, once it is needed.
pub type Make = Box<dyn Fn() -> Result<Box<dyn Index>, IndexFault> + Send + Sync>;

/// The bytes of memory that stay above: those of keys and values, and what a row costs beside.
const MOST_BYTES: usize = 16 << 20;
const ROW_BYTES: usize = 96;
/// Rows that go down at once while acts wait.
const SWEEP: usize = 64;

impl StagedIndex {
    /// Begins with nothing, neither in memory nor below.
    pub fn above(make: Make) -> Self {
        let (fresh, high_water) = (BTreeMap::new(), Position::GENESIS);
        Self { fresh, bytes: 0, below: None, make, high_water, swept: Vec::new() }
    }

    fn put(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        let of_key = key.len() + ROW_BYTES;
        self.bytes += length(value.as_ref());
        match self.fresh.insert(key, value) {
            Some(before) => self.bytes -= length(before.as_ref()),
            None => self.bytes += of_key,
        }
    }

    /// Lets at least so many rows go down, from where the last sweep ended.
    fn sweep(&mut self, rows: usize) -> Result<(), IndexFault> {
        let mut later = self.fresh.split_off(&self.swept);
        if later.is_empty() {
            // The round is over; the next one begins with the first key.
            mem::swap(&mut self.fresh, &mut later);
        }
        let end = later.keys().nth(rows).cloned();
        let rest = end.as_ref().map(|end| later.split_off(end)).unwrap_or_default();
        self.swept = end.unwrap_or_default();
        self.fresh.extend(rest);
        let gone = later.iter().map(|(key, value)| key.len() + ROW_BYTES + length(value.as_ref()));
        self.bytes -= gone.sum::<usize>();
        let below = match &mut self.below {
            Some(below) => below,
            none => none.insert((self.make)()?),
        };
        below.apply(later.into_iter().collect(), self.high_water)
    }

    fn rows(
        &self,
        prefix: &[u8],
        after: Option<&[u8]>,
    ) -> impl Iterator<Item = (&Vec<u8>, &Option<Vec<u8>>)> {
        let from = after.filter(|after| *after >= prefix);
        let start = from.map_or(Bound::Included(prefix), Bound::Excluded);
        let prefix = prefix.to_vec();
        let rows = self.fresh.range::<[u8], _>((start, Bound::Unbounded));
        rows.take_while(move |(key, _)| key.starts_with(&prefix))
    }
}

impl Index for StagedIndex {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, IndexFault> {
        match self.fresh.get(key) {
            Some(value) => Ok(value.clone()),
            None => self.below.as_ref().map_or(Ok(None), |below| below.get(key)),
        }
    }

    fn page(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Row>, IndexFault> {
        let mut above = self.rows(prefix, after).peekable();
        let mut out: Vec<Row> = Vec::new();
        let mut cursor = after.map(<[u8]>::to_vec);
        loop {
            let wanted = limit - out.len();
            let page = |below: &dyn Index| below.page(prefix, cursor.as_deref(), wanted);
            let rows = self.below.as_deref().map_or(Ok(Vec::new()), page)?;
            let more = rows.len() == wanted;
            for (key, value) in rows {
                while let Some((newer, written)) = above.next_if(|(newer, _)| **newer < key) {
                    out.extend(written.clone().map(|value| (newer.clone(), value)));
                }
                match above.next_if(|(newer, _)| **newer == key) {
                    Some((_, written)) => out.extend(written.clone().map(|value| (key.clone(), value))),
                    None => out.push((key.clone(), value)),
                }
                cursor = Some(key);
            }
            if !more {
                let rest = above.by_ref().filter_map(|(key, value)| Some((key.clone(), value.clone()?)));
                out.extend(rest.take(limit.saturating_sub(out.len())));
            }
            if !more || out.len() >= limit {
                out.truncate(limit);
                return Ok(out);
            }
        }
    }

    fn last(&self, prefix: &[u8], before: Option<&[u8]>) -> Result<Option<Row>, IndexFault> {
        let end = end_of(prefix, before);
        if end.as_deref().is_some_and(|end| end <= prefix) {
            return Ok(None);
        }
        let bound = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.fresh.range::<[u8], _>((Bound::Included(prefix), bound));
        let above = rows.rev().find_map(|(key, value)| Some((key, value.as_ref()?)));
        let last =
            |before: Option<&[u8]>| self.below.as_ref().map_or(Ok(None), |below| below.last(prefix, before));
        let mut below = last(before)?;
        // Rows that were taken away above are passed over.
        while let Some((key, _)) = &below
            && self.fresh.get(key).is_some_and(Option::is_none)
        {
            below = last(Some(key))?;
        }
        // Of one key the row above is the newer one.
        Ok(match (above, below) {
            (Some((key, value)), Some(below)) if *key >= below.0 => Some((key.clone(), value.clone())),
            (_, Some(below)) => Some(below),
            (above, None) => above.map(|(key, value)| (key.clone(), value.clone())),
        })
    }

    fn apply(&mut self, batch: Batch, high_water: Position) -> Result<(), IndexFault> {
        let rows = batch.len();
        batch.into_iter().for_each(|(key, value)| self.put(key, value));
        self.high_water = high_water;
        if self.bytes > MOST_BYTES {
            self.sweep(SWEEP.max(2 * rows))?;
        }
        Ok(())
    }

    fn high_water(&self) -> Result<Position, IndexFault> {
        Ok(self.high_water)
    }

    fn close(self: Box<Self>) -> Result<(), IndexFault> {
        // What is in memory outlives no process, here or below.
        self.below.map_or(Ok(()), Index::close)
    }
}

fn length(value: Option<&Vec<u8>>) -> usize {
    value.map_or(0, Vec::len)
}

#[cfg(test)]
mod tests {
    use super::super::{MemIndex, SledIndex};
    use super::*;
    use crate::model::Digest;
    use proptest::collection::vec;
    use proptest::prelude::*;

    /// Keys of few letters, so that they are written again, taken away and each other's prefixes.
    fn key() -> impl Strategy<Value = Vec<u8>> {
        vec(prop::sample::select(vec![0, b'a', b'b', u8::MAX]), 1..4)
    }

    fn change() -> impl Strategy<Value = (Vec<u8>, Option<Vec<u8>>)> {
        (key(), prop::option::weighted(0.6, vec(any::<u8>(), 0..3)))
    }

    fn at(sequence: usize) -> Position {
        Position { sequence: sequence as u64, ..Position::GENESIS }
    }

    proptest! {
        #[test]
        fn two_layers_answer_as_one(
            batches in vec(vec(change(), 0..8), 0..12),
            sweeps in vec(any::<bool>(), 12),
            prefix in vec(prop::sample::select(vec![0, b'a', b'b', u8::MAX]), 0..3),
            after in prop::option::of(key()),
            limit in 0..6_usize,
        ) {
            let mut one = MemIndex::new();
            let mut two = StagedIndex::above(Box::new(|| Ok(Box::new(MemIndex::new()))));
            for (nth, (batch, sweep)) in batches.into_iter().zip(sweeps).enumerate() {
                one.apply(batch.clone(), at(nth)).unwrap();
                two.apply(batch, at(nth)).unwrap();
                if sweep {
                    two.sweep(3).unwrap();
                }
            }
            let cost = |(key, value): (&Vec<u8>, &Option<Vec<u8>>)| key.len() + ROW_BYTES + length(value.as_ref());
            prop_assert_eq!(two.bytes, two.fresh.iter().map(cost).sum::<usize>());
            let rows = one.scan_prefix(&prefix).unwrap();
            prop_assert_eq!(&two.scan_prefix(&prefix).unwrap(), &rows);
            let before = after.as_deref();
            prop_assert_eq!(two.last(&prefix, None).unwrap(), rows.last().cloned());
            prop_assert_eq!(two.last(&prefix, before).unwrap(), one.last(&prefix, before).unwrap());
            for (key, value) in &rows {
                let got = two.get(key).unwrap();
                prop_assert_eq!(got.as_ref(), Some(value));
            }
            let after = after.as_deref();
            prop_assert_eq!(two.page(&prefix, after, limit).unwrap(), one.page(&prefix, after, limit).unwrap());
            prop_assert_eq!(two.high_water().unwrap(), one.high_water().unwrap());
            two.swept.clear();
            two.sweep(usize::MAX).unwrap();
            prop_assert!(two.fresh.is_empty() && two.bytes == 0);
            prop_assert_eq!(two.below.unwrap().scan_prefix(&[]).unwrap(), one.scan_prefix(&[]).unwrap());
        }
    }

    #[test]
    fn what_stays_above_is_bounded() {
        let mut index = StagedIndex::above(Box::new(|| Ok(Box::new(MemIndex::new()))));
        for nth in 0..20_000_u32 {
            let key = Digest::of(&[&nth.to_be_bytes()]).0.to_vec();
            index.apply(vec![(key, Some(vec![7; 1000]))], at(nth as usize)).unwrap();
            assert!(index.bytes <= MOST_BYTES + 2000);
            assert_eq!(index.below.is_some(), nth >= 14_873, "it goes down when memory is full: {nth}");
        }
        assert_eq!(index.scan_prefix(&[]).unwrap().len(), 20_000);
    }

    #[test]
    fn what_is_too_much_for_memory_goes_to_a_database_that_goes_with_it() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("new-0");
        let place = path.clone();
        let mut index = StagedIndex::above(Box::new(move || Ok(Box::new(SledIndex::create(&place)?))));
        let (key, value) =
            (|nth: u32| Digest::of(&[&nth.to_be_bytes()]).0.to_vec(), |nth: u32| vec![nth as u8; 3000]);
        for nth in 0..6_000 {
            assert_eq!(path.exists(), nth > 5_363, "it is made when memory is full: {nth}");
            index.apply(vec![(key(nth), Some(value(nth)))], at(nth as usize)).unwrap();
        }
        for nth in 0..6_000 {
            assert_eq!(index.get(&key(nth)).unwrap(), Some(value(nth)));
        }
        let rows = index.scan_prefix(&[]).unwrap();
        assert!(rows.len() == 6_000 && rows.is_sorted());
        drop(index);
        assert!(!path.exists(), "it lives no longer than the rows above it");
    }
}
