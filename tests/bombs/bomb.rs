//! The bombs: CBOR that is short to write and costs much to believe.

/// The bytes of the longest frame.
const LONGEST: usize = 1 << 20;

/// One way to make a reader spend.
pub struct Bomb {
    pub name: &'static str,
    /// Whether it is an item within the limits of an envelope, so that only its meaning is wrong.
    pub sound: bool,
    pub bytes: fn() -> Vec<u8>,
}

pub fn all() -> impl Iterator<Item = Bomb> {
    let deep = vec![
        bomb("arrays-in-arrays", || [vec![0x81; 100_000], vec![0x80]].concat()),
        bomb("maps-in-maps", || [[0xa1, 0].repeat(100_000), vec![0xa0]].concat()),
        sound("strings-in-strings", strings_in_strings),
        sound("text-in-arrays", || [vec![0x81; 12], text(LONGEST - 600)].concat()),
    ];
    let long = vec![
        bomb("array-said-long", || said_long(0x9b, 1 << 63)),
        bomb("map-said-long", || said_long(0xbb, 1 << 63)),
        bomb("bytes-said-long", || said_long(0x5b, 1 << 63)),
        bomb("text-said-long", || said_long(0x7b, u64::MAX)),
        bomb("array-of-nearly-said", || said_long(0x9b, LONGEST as u64 - 8)),
        bomb("indefinite-arrays", || vec![0x9f; LONGEST]),
    ];
    let many = vec![
        bomb("million-zeros", || array(LONGEST - 600, &[0])),
        bomb("million-empty-arrays", || array(LONGEST - 600, &[0x80])),
        bomb("million-empty-maps", || array(LONGEST - 600, &[0xa0])),
        bomb("many-number-keys", || map(170_000, 0x1a)),
        bomb("many-text-keys", || map(170_000, 0x64)),
    ];
    // Just within the limit of items, at which a reader could still be made to keep them all.
    let within = vec![
        sound("array-of-zeros", || array(65_000, &[0])),
        sound("array-of-empty-maps", || array(65_000, &[0xa0])),
        sound("array-of-letters", || array(65_000, b"\x61a")),
        sound("array-of-arrays", || array(32_000, &[0x81, 0])),
        sound("map-of-numbers", || map(32_000, 0x1a)),
        sound("zeros-and-a-megabyte", || [vec![0x82], array(65_000, &[0]), text(LONGEST - 65_600)].concat()),
    ];
    deep.into_iter().chain(long).chain(many).chain(within)
}

fn bomb(name: &'static str, bytes: fn() -> Vec<u8>) -> Bomb {
    Bomb { name, sound: false, bytes }
}

fn sound(name: &'static str, bytes: fn() -> Vec<u8>) -> Bomb {
    Bomb { name, sound: true, bytes }
}

/// A hundred thousand byte strings, each of which holds the next.
fn strings_in_strings() -> Vec<u8> {
    let mut reversed = vec![0x40];
    for _ in 0..100_000 {
        let length = reversed.len();
        let head = match u8::try_from(length) {
            Ok(short @ 0..24) => vec![0x40 | short],
            Ok(byte) => vec![0x58, byte],
            Err(_) => long_head(0x59, length),
        };
        reversed.extend(head.iter().rev());
    }
    reversed.reverse();
    reversed
}

/// A head that says 64 bits of length, and a megabyte that is less.
fn said_long(head: u8, said: u64) -> Vec<u8> {
    let mut bytes = [&[head][..], &said.to_be_bytes()].concat();
    bytes.resize(LONGEST, 0);
    bytes
}

fn text(length: usize) -> Vec<u8> {
    [long_head(0x79, length), vec![b'a'; length]].concat()
}

fn array(count: usize, item: &[u8]) -> Vec<u8> {
    [long_head(0x99, count), item.repeat(count)].concat()
}

/// A map from keys that ascend, each of one head and four bytes, to zero.
fn map(count: u32, head: u8) -> Vec<u8> {
    let key = |n: u32| if head == 0x64 { letters(n) } else { (n + 0x1_0000).to_be_bytes() };
    let entry = |n: u32| [&[head][..], &key(n), &[0]].concat();
    [long_head(0xb9, usize::try_from(count).unwrap()), (0..count).flat_map(entry).collect()].concat()
}

/// A number in letters whose order is that of numbers.
fn letters(n: u32) -> [u8; 4] {
    [15, 10, 5, 0].map(|shift| b'A' + u8::try_from(n >> shift & 0x1f).unwrap())
}

/// Turns the head of a 16-bit length into one of 32 where the length needs them.
pub fn long_head(head: u8, length: usize) -> Vec<u8> {
    u16::try_from(length).map_or_else(
        |_| [&[head + 1][..], &u32::try_from(length).unwrap().to_be_bytes()].concat(),
        |length| [&[head][..], &length.to_be_bytes()].concat(),
    )
}
