//! `queue export` and `queue import`: the courier's road. The files are written and read here; what is in
//! them is made and proved by the node.

use crate::cli::document::{is_free, read_bytes, write_bytes};
use crate::cli::face::Answer;
use crate::cli::render;
use crate::cli::verbs::{Readers, connect};
use crate::config::Layout;
use crate::control::{
    BagPage, BagTaken, Call, Carried, CarriedKind, Client, Command, ExitCode, Failure, Hex, OwedFile, VERSION,
};
use crate::model::{MessageId, Party};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The smallest bag, in MiB: it holds the longest envelope.
pub(super) const MIN_MIB: u64 = 2;
/// The largest bag, in MiB.
pub(super) const MAX_MIB: u64 = 8;
/// The bytes of a bag beside its frames, and those of a frame beside its body; at most.
const BAG_OWN_BYTES: usize = 4096;
const FRAME_OWN_BYTES: usize = 16;
/// The most bytes of frames that are handed to the node at once; in hex they fit one message.
const PART_BYTES: usize = 3 << 20;
/// The most frames that are handed to the node at once, so that it answers soon.
const PART_FRAMES: usize = 256;

/// What a bag says of itself, and what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BagContent {
    /// Who has packed it.
    pub from: Party,
    /// For whom.
    pub to: Party,
    /// The frames.
    pub frames: Vec<Carried>,
}

/// What to pack, and where to put it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Packing<'a> {
    pub output: &'a Path,
    pub peer: Option<&'a Party>,
    pub files: bool,
    pub mib: u64,
    pub force: bool,
}

/// What waits for one peer.
struct Load {
    content: BagContent,
    answers: Vec<MessageId>,
    acts: Vec<MessageId>,
}

/// Writes bags one after the other: one is named as asked, several by peer and number.
struct Shelf<'a> {
    packing: Packing<'a>,
    several: bool,
    last: Option<(Party, u32)>,
    written: Vec<(PathBuf, Party, usize)>,
}

impl Shelf<'_> {
    fn put(&mut self, to: &Party, bytes: &[u8]) -> Result<(), Failure> {
        let number = match &self.last {
            Some((last, number)) if last == to => number + 1,
            Some(_) | None => 1,
        };
        self.last = Some((to.clone(), number));
        let file =
            if self.several { name(self.packing.output, to, number) } else { self.packing.output.to_owned() };
        write_bytes(&file, bytes, self.packing.force)?;
        self.written.push((file, to.clone(), bytes.len()));
        Ok(())
    }
}

/// Writes what waits into bags, and tells the node once they are written.
pub(super) fn export(
    packing: Packing<'_>,
    layout: &Layout,
    officer: Option<&str>,
    readers: Readers,
) -> Result<Answer, Failure> {
    let mut client = connect(layout)?;
    let mut ask = |command| client.call(&call(officer, command));
    let loads = collect(packing.peer, &mut ask)?;
    let owed: Vec<OwedFile> = render::read(&ask(Command::QueueFiles { peer: packing.peer.cloned() })?)?;
    let (files, left) = if packing.files { (owed, 0) } else { (Vec::new(), owed.len()) };
    let limit = usize::try_from(packing.mib << 20).unwrap_or(usize::MAX);
    let mut bags = Vec::new();
    for load in &loads {
        bags.extend((readers.pack)(&load.content, limit)?.into_iter().map(|bytes| (&load.content.to, bytes)));
    }
    let several = bags.len() > 1 || !files.is_empty();
    let mut shelf = Shelf { packing, several, last: None, written: Vec::new() };
    if !packing.force {
        // What is in the way is told before anything is written, where the names are known already.
        let first =
            |to: &Party| if several { name(packing.output, to, 1) } else { packing.output.to_owned() };
        bags.iter().try_for_each(|(to, _)| is_free(&first(to)))?;
    }
    for (to, bytes) in &bags {
        shelf.put(to, bytes)?;
    }
    let mut pieces = 0;
    for file in &files {
        pieces += pack_file(file, limit, &mut shelf, readers, (&mut client, officer))?;
    }
    let handed = handed(&loads, &files, (&mut client, officer))?;
    Ok(told(&shelf.written, handed, (files.len(), pieces, left)))
}

/// Packs what is owed of one file, a bag at a time; returns how many pieces that were.
fn pack_file(
    file: &OwedFile,
    limit: usize,
    shelf: &mut Shelf<'_>,
    readers: Readers,
    (client, officer): (&mut Client, Option<&str>),
) -> Result<u64, Failure> {
    let empty = || BagContent { from: file.sender.clone(), to: file.to.clone(), frames: Vec::new() };
    let (mut content, mut size) = (empty(), 0);
    let mut put = |content: &BagContent| {
        (readers.pack)(content, limit)?.iter().try_for_each(|bytes| shelf.put(&file.to, bytes))
    };
    for index in file.from..file.end {
        let ask = Command::QueuePiece { to: file.to.clone(), name: file.name, index };
        let (_, body) = client.fetch(&call(officer, ask))?;
        if size + body.len() + BAG_OWN_BYTES > limit {
            put(&std::mem::replace(&mut content, empty()))?;
            size = 0;
        }
        size += body.len() + FRAME_OWN_BYTES;
        content.frames.push(Carried { kind: CarriedKind::Envelope, body: Hex(body) });
    }
    put(&content)?;
    Ok(file.end - file.from)
}

/// Tells the node what was written; returns how many acts and answers that were.
fn handed(
    loads: &[Load],
    files: &[OwedFile],
    (client, officer): (&mut Client, Option<&str>),
) -> Result<(usize, usize), Failure> {
    let (mut acts, mut answers) = (0, 0);
    for load in loads {
        acts += load.acts.len();
        answers += load.answers.len();
        let (peer, answers, acts) = (load.content.to.clone(), load.answers.clone(), load.acts.clone());
        client.call(&call(officer, Command::QueueHanded { peer, answers, acts, files: Vec::new() }))?;
    }
    for file in files {
        let (answers, acts, files) = (Vec::new(), Vec::new(), vec![file.name]);
        let peer = file.to.clone();
        client.call(&call(officer, Command::QueueHanded { peer, answers, acts, files }))?;
    }
    Ok((acts, answers))
}

fn told(
    written: &[(PathBuf, Party, usize)],
    (acts, answers): (usize, usize),
    (files, pieces, left): (usize, u64, usize),
) -> Answer {
    let bags: Vec<Value> =
        written.iter().map(|(file, to, bytes)| json!({ "file": file, "to": to, "bytes": bytes })).collect();
    let data = json!({
        "bags": bags, "acts": acts, "answers": answers, "files": files, "pieces": pieces, "files_left": left,
    });
    let mut text: String = written
        .iter()
        .map(|(file, to, bytes)| format!("{}  for {to}, {bytes} bytes\n", file.display()))
        .collect();
    text += &if written.is_empty() {
        "nothing waits; no bag was written".to_owned()
    } else {
        format!("{acts} acts and {answers} answers; each act waits until its receipt is here")
    };
    if files > 0 {
        text += &format!(
            "\n{files} files in {pieces} pieces; import the bags in any order, those of the acts first"
        );
    }
    if left > 0 {
        text += &format!("\n{left} files that the peers lack were not packed; --files packs them");
    }
    Answer::ok("queue.export", data, text)
}

/// Reads bags and hands what is in them to the node; all are read before the first is handed over, one at a time.
pub(super) fn import(
    files: &[PathBuf],
    layout: &Layout,
    officer: Option<&str>,
    readers: Readers,
) -> Result<Answer, Failure> {
    let read = |file: &PathBuf| (readers.bag)(&read_bytes(file)?).map_err(|failure| of(file, failure));
    // Bags of photographs are many and large: they are looked at now, and read again when their turn has come. What comes
    // through a pipe can be read once only.
    let mut bags = Vec::new();
    for file in files {
        let bag = read(file)?;
        bags.push((file, (file == Path::new("-")).then_some(bag)));
    }
    let mut client = connect(layout)?;
    let mut all = BagTaken::default();
    let mut early = Vec::new();
    for (file, bag) in bags {
        let bag = bag.map_or_else(|| read(file), Ok)?;
        let taken = hand_over(bag, &mut client, officer).map_err(|failure| of(file, failure))?;
        if taken.unawaited > 0 && file != Path::new("-") {
            early.push((file, taken.unawaited));
        }
        all.add(taken);
    }
    for (file, unawaited) in early {
        // Their act may have been in a later bag.
        let taken = hand_over(read(file)?, &mut client, officer).map_err(|failure| of(file, failure))?;
        let more = unawaited.saturating_sub(taken.unawaited);
        (all.pieces, all.unawaited) = (all.pieces + more, all.unawaited - more);
    }
    Ok(taken_in(all))
}

fn taken_in(all: BagTaken) -> Answer {
    let mut text = format!(
        "{} new acts, {} known ones, {} receipts, {} rejections, {} new documents of the directory\n",
        all.new, all.known, all.receipts, all.rejections, all.news
    );
    if all.pieces > 0 {
        text += &format!("{} pieces of files\n", all.pieces);
    }
    if all.unawaited > 0 {
        text += &format!(
            "{} pieces for which no file waits: it is whole already, or its act has not come; then import this bag again after the act's\n",
            all.unawaited
        );
    }
    if all.wanted > 0 {
        text += &format!("{} files are asked for: `valise queue export --files` packs them\n", all.wanted);
    }
    for refused in &all.refused {
        let id = refused.envelope.map_or_else(|| "a frame".to_owned(), |id| id.to_string());
        text += &format!("refused {id}: {} ({})\n", refused.words, refused.code);
    }
    if all.new + all.known > 0 {
        text += "pack the answers with `valise queue export`";
    }
    let exit = if all.refused.is_empty() { ExitCode::Ok } else { ExitCode::Finding };
    Answer { verb: "queue.import", data: json!(all), text, exit }
}

/// Asks for page after page, and joins the pages for one peer.
fn collect(
    peer: Option<&Party>,
    ask: &mut impl FnMut(Command) -> Result<Value, Failure>,
) -> Result<Vec<Load>, Failure> {
    let mut loads: Vec<Load> = Vec::new();
    let mut after = None;
    loop {
        let page: Option<BagPage> = render::read(&ask(Command::QueueExport { peer: peer.cloned(), after })?)?;
        let Some(page) = page else { return Ok(loads) };
        after = Some(page.mark);
        match loads.last_mut() {
            Some(load) if load.content.to == page.to => {
                load.content.frames.extend(page.frames);
                load.answers.extend(page.answers);
                load.acts.extend(page.acts);
            }
            _ => {
                let content = BagContent { from: page.from, to: page.to, frames: page.frames };
                loads.push(Load { content, answers: page.answers, acts: page.acts });
            }
        }
    }
}

fn hand_over(bag: BagContent, client: &mut Client, officer: Option<&str>) -> Result<BagTaken, Failure> {
    let BagContent { from, to, frames } = bag;
    let mut taken = BagTaken::default();
    let mut rest = frames.into_iter().peekable();
    // An empty bag is handed over too: the node says whether it is its own.
    loop {
        let (mut part, mut size) = (Vec::new(), 0);
        while let Some(frame) = rest.next_if(|frame: &Carried| {
            part.is_empty() || (part.len() < PART_FRAMES && size + frame.body.0.len() <= PART_BYTES)
        }) {
            size += frame.body.0.len();
            part.push(frame);
        }
        let command = Command::QueueImport { from: from.clone(), to: to.clone(), frames: part };
        taken.add(render::read(&client.call(&call(officer, command))?)?);
        if rest.peek().is_none() {
            return Ok(taken);
        }
    }
}

/// Names one of several bags after its peer and number.
fn name(output: &Path, to: &Party, number: u32) -> PathBuf {
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let ending = output.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    let to = to.to_string().replace(['/', ':'], ".");
    output.with_file_name(format!("{stem}-{to}-{number}{ending}"))
}

fn call(officer: Option<&str>, command: Command) -> Call {
    Call { version: VERSION, as_officer: officer.map(str::to_owned), command }
}

fn of(file: &Path, failure: Failure) -> Failure {
    Failure { message: format!("{}: {}", file.display(), failure.message), ..failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_bags_are_named_by_peer_and_number_in_the_same_folder() {
        let (xbb, police): (Party, Party) = ("XBB".parse().unwrap(), "XCC/police".parse().unwrap());
        let file = Path::new("/stick/bag.valise");
        assert_eq!(name(file, &xbb, 2), Path::new("/stick/bag-XBB-2.valise"));
        assert_eq!(name(file, &police, 1), Path::new("/stick/bag-XCC.police-1.valise"));
        assert_eq!(name(Path::new("bag"), &xbb, 1), Path::new("bag-XBB-1"));
    }
}
