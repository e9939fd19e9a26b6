use super::stage::{RELAY_FOLDER, Stage, State};
use super::{DemoError, io};
use std::fs;

/// The folder of the demo's authority.
const AUTHORITY: &str = "authority";
/// The file in it that says how the federation is known; it is written last.
const ANCHOR: &str = "anchor";
/// For how many days the directory of a demo stays fresh.
const DAYS: &str = "400";

impl Stage {
    /// Founds a federation of the relay and both States with the verbs that any authority uses, and lets all of them
    /// join it; goes on where it was stopped.
    pub(super) fn federate(&self) -> Result<(), DemoError> {
        let members = [RELAY_FOLDER, State::Xaa.folder(), State::Xbb.folder()];
        let folder = self.data().join(AUTHORITY);
        let anchor = match fs::read_to_string(folder.join(ANCHOR)) {
            Ok(anchor) => anchor,
            Err(_) => self.found(&members)?,
        };
        let directory = folder.join("directory.cbor").display().to_string();
        for member in members {
            let data = self.data().join(member);
            if data.join("federation/directory").exists() {
                continue;
            }
            let data = data.display().to_string();
            self.verb(&["identity", "import", &directory, "--data", &data])?;
            self.verb(&["federation", "join", "--anchor", &anchor, "--data", &data])?;
        }
        Ok(())
    }

    /// Founds the federation and returns its fingerprint.
    fn found(&self, members: &[&str]) -> Result<String, DemoError> {
        let folder = self.data().join(AUTHORITY);
        // Nobody has joined what was not finished.
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(io("clearing the authority of the demo"))?;
        }
        fs::create_dir_all(&folder).map_err(io("making the authority of the demo"))?;
        let file = |name: &str| folder.join(name).display().to_string();
        let (signer, publisher) = (file("signer.key"), file("publisher.key"));
        let (at, draft, signature) = (folder.display().to_string(), file("draft.cbor"), file("signature"));
        let by = [format!("{signer}.pub"), format!("{publisher}.pub")];
        self.verb(&["federation", "key", &signer])?;
        self.verb(&["federation", "key", &publisher])?;
        let words = ["federation", "init", "--folder", &at, "--name", "demo", "--days", DAYS];
        self.verb(&[&words[..], &["--signer", &by[0], "--publisher", &by[1]]].concat())?;
        for member in members {
            let (data, request) = (self.data().join(member).display().to_string(), file(member));
            let read_aloud = self.verb(&["identity", "request", "--data", &data, "-o", &request])?;
            let told = read_aloud["fingerprint"].as_str().unwrap_or_default();
            self.verb(&["federation", "admit", "--folder", &at, &request, "--fingerprint", told])?;
        }
        self.verb(&["federation", "sign", &draft, "--key", &signer, "-o", &signature])?;
        self.verb(&["federation", "assemble", "--folder", &at, &signature])?;
        let words = ["federation", "publish", "--folder", &at, "--key", &publisher, "--days", DAYS];
        let published = self.verb(&words)?;
        let anchor = published["fingerprint"].as_str().unwrap_or_default().to_owned();
        fs::write(folder.join(ANCHOR), &anchor).map_err(io("noting the fingerprint of the federation"))?;
        Ok(anchor)
    }

    /// Has a State look for its peer and for the relay behind the forwarders, which `valise demo link` can cut.
    pub(super) fn route(&self, state: State, routes: &[(&str, u16)]) -> Result<(), DemoError> {
        let settings = self.data().join(state.folder()).join("valise.toml");
        let text = fs::read_to_string(&settings).map_err(io("reading the settings"))?;
        if text.contains("[[route]]") {
            return Ok(());
        }
        let route = |(party, port): &(&str, u16)| {
            format!(
                "\n# A forwarder that `valise demo link` can cut.\n[[route]]\nparty = \"{party}\"\naddress = \"127.0.0.1:{port}\"\n"
            )
        };
        let text = text + &routes.iter().map(route).collect::<String>();
        fs::write(&settings, text).map_err(io("writing the routes"))
    }

    fn verb(&self, words: &[&str]) -> Result<serde_json::Value, DemoError> {
        Ok(self.child().run(words)?.succeeded()?.data)
    }
}
