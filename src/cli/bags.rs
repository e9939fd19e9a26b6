//! `queue export` and `queue import`: the courier's road. The files are written and read here; what is in
//! them is made and proved by the node.

use crate::cli::document::{is_free, read_bytes, write_bytes};
use crate::cli::face::Answer;
use crate::cli::render;
use crate::cli::verbs::{Readers, connect};
use crate::config::Layout;
use crate::control::{BagPage, BagTaken, Call, Carried, Client, Command, ExitCode, Failure, VERSION};
use crate::model::{MessageId, Party};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The smallest bag, in MiB: it holds the longest envelope.
pub(super) const MIN_MIB: u64 = 2;
/// The largest bag, in MiB.
pub(super) const MAX_MIB: u64 = 8;
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
    pub mib: u64,
    pub force: bool,
}

/// What waits for one peer.
struct Load {
    content: BagContent,
    answers: Vec<MessageId>,
    acts: Vec<MessageId>,
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
    if loads.is_empty() {
        let answer = json!({ "bags": [], "acts": 0, "answers": 0 });
        return Ok(Answer::ok("queue.export", answer, "nothing waits; no bag was written".to_owned()));
    }
    let limit = usize::try_from(packing.mib << 20).unwrap_or(usize::MAX);
    let mut bags = Vec::new();
    for load in &loads {
        let packed = (readers.pack)(&load.content, limit)?;
        bags.extend(packed.into_iter().map(|bytes| (&load.content.to, bytes)));
    }
    let files = name(packing.output, &bags);
    if !packing.force {
        files.iter().try_for_each(|file| is_free(file))?;
    }
    let mut written = Vec::new();
    for (file, (to, bytes)) in files.iter().zip(&bags) {
        write_bytes(file, bytes, packing.force)?;
        written.push(json!({ "file": file, "to": to, "bytes": bytes.len() }));
    }
    let (mut acts, mut answers) = (0, 0);
    for load in &loads {
        acts += load.acts.len();
        answers += load.answers.len();
        let (peer, answers, acts) = (load.content.to.clone(), load.answers.clone(), load.acts.clone());
        ask(Command::QueueHanded { peer, answers, acts })?;
    }
    let line = |(file, (to, bytes)): (&PathBuf, &(&Party, Vec<u8>))| {
        format!("{}  for {to}, {} bytes\n", file.display(), bytes.len())
    };
    let text: String = files.iter().zip(&bags).map(line).collect();
    let text = format!("{text}{acts} acts and {answers} answers; each act waits until its receipt is here");
    Ok(Answer::ok("queue.export", json!({ "bags": written, "acts": acts, "answers": answers }), text))
}

/// Reads bags and hands what is in them to the node; all are read before the first is handed over.
pub(super) fn import(
    files: &[PathBuf],
    layout: &Layout,
    officer: Option<&str>,
    readers: Readers,
) -> Result<Answer, Failure> {
    let read = |file: &PathBuf| (readers.bag)(&read_bytes(file)?).map_err(|failure| of(file, failure));
    let bags = files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let mut client = connect(layout)?;
    let mut all = BagTaken::default();
    for (bag, file) in bags.into_iter().zip(files) {
        let taken = hand_over(bag, &mut client, officer).map_err(|failure| of(file, failure))?;
        all.add(taken);
    }
    let mut text = format!(
        "{} new acts, {} known ones, {} receipts, {} rejections, {} new documents of the directory\n",
        all.new, all.known, all.receipts, all.rejections, all.news
    );
    for refused in &all.refused {
        let id = refused.envelope.map_or_else(|| "a frame".to_owned(), |id| id.to_string());
        text += &format!("refused {id}: {} ({})\n", refused.words, refused.code);
    }
    if all.new + all.known > 0 {
        text += "pack the answers with `valise queue export`";
    }
    let exit = if all.refused.is_empty() { ExitCode::Ok } else { ExitCode::Finding };
    Ok(Answer { verb: "queue.import", data: json!(all), text, exit })
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

/// Names the files: one bag is named as asked, several by peer and number.
fn name(output: &Path, bags: &[(&Party, Vec<u8>)]) -> Vec<PathBuf> {
    if bags.len() == 1 {
        return vec![output.to_owned()];
    }
    let stem = output.file_stem().unwrap_or_default().to_string_lossy();
    let ending = output.extension().map(|e| format!(".{}", e.to_string_lossy())).unwrap_or_default();
    let mut number = 0;
    let mut last = None;
    let mut named = Vec::new();
    for (to, _) in bags {
        number = if last == Some(*to) { number + 1 } else { 1 };
        last = Some(*to);
        let to = to.to_string().replace(['/', ':'], ".");
        named.push(output.with_file_name(format!("{stem}-{to}-{number}{ending}")));
    }
    named
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
        let bags = [(&xbb, vec![]), (&xbb, vec![]), (&police, vec![])];
        let names = |bags| name(Path::new("/stick/bag.valise"), bags);
        assert_eq!(names(&bags[..1]), [Path::new("/stick/bag.valise")]);
        let several = ["bag-XBB-1.valise", "bag-XBB-2.valise", "bag-XCC.police-1.valise"];
        assert_eq!(names(&bags), several.map(|file| Path::new("/stick").join(file)));
        assert_eq!(name(Path::new("bag"), &bags)[0], Path::new("bag-XBB-1"));
    }
}
