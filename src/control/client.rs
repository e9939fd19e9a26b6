use crate::control::{
    Call, ControlError, ExitCode, Failure, Reply, body_length, bytes_length, decode, encode, frame_bytes,
};
use serde_json::Value;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// How long a node may take over one call; a ping over a slow link is the slowest.
const PATIENCE: Duration = Duration::from_secs(60);

/// A face's end of the control socket.
pub struct Client {
    stream: UnixStream,
}

impl Client {
    /// Connects to the node that listens at `socket`.
    ///
    /// # Errors
    /// `control.unavailable` (69) where no node listens; `control.denied` (77) where the file's
    /// permissions keep this user out.
    pub fn connect(socket: &Path) -> Result<Self, Failure> {
        let stream = UnixStream::connect(socket).map_err(|cause| unreachable_node(socket, &cause))?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(ControlError::Io)?;
        stream.set_write_timeout(Some(PATIENCE)).map_err(ControlError::Io)?;
        Ok(Self { stream })
    }

    /// Asks for one verb and waits for the answer.
    ///
    /// # Errors
    /// What the node answers, or why it did not: `control.timeout` (75), `control.socket` (69).
    pub fn call(&mut self, call: &Call) -> Result<Value, Failure> {
        self.stream.write_all(&encode(call)?).map_err(interrupted)?;
        self.reply()
    }

    /// Asks for a verb that brings bytes, and hands these over.
    ///
    /// # Errors
    /// As for [`Self::call`].
    pub fn bring(&mut self, call: &Call, bytes: &[u8]) -> Result<Value, Failure> {
        self.stream.write_all(&encode(call)?).map_err(interrupted)?;
        self.stream.write_all(&frame_bytes(bytes)?).map_err(interrupted)?;
        self.reply()
    }

    /// Asks for a verb that yields bytes, and takes these too.
    ///
    /// # Errors
    /// As for [`Self::call`].
    pub fn fetch(&mut self, call: &Call) -> Result<(Value, Vec<u8>), Failure> {
        let answer = self.call(call)?;
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).map_err(interrupted)?;
        let mut bytes = vec![0; bytes_length(header)?];
        self.stream.read_exact(&mut bytes).map_err(interrupted)?;
        Ok((answer, bytes))
    }

    fn reply(&mut self) -> Result<Value, Failure> {
        let mut header = [0; 4];
        self.stream.read_exact(&mut header).map_err(interrupted)?;
        let mut body = vec![0; body_length(header)?];
        self.stream.read_exact(&mut body).map_err(interrupted)?;
        decode::<Reply>(&body)?
    }
}

fn interrupted(cause: std::io::Error) -> Failure {
    if !matches!(cause.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) {
        return ControlError::Io(cause).into();
    }
    let seconds = PATIENCE.as_secs();
    Failure::new(ExitCode::TryLater, "control.timeout", format_args!("the node took over {seconds} seconds"))
        .hint("ask again, or see `valise case list` for whether it was done")
}

fn unreachable_node(socket: &Path, cause: &std::io::Error) -> Failure {
    let at = socket.display();
    let failure = if cause.kind() == ErrorKind::PermissionDenied {
        let message = format!("this user may not speak to the node at {at}");
        Failure::new(ExitCode::Denied, "control.denied", message)
            .hint("ask the administrator to add you to the group that owns the socket")
    } else {
        Failure::new(ExitCode::Unavailable, "control.unavailable", format_args!("no node answers at {at}"))
            .hint("start it with `valise gateway serve --data DIR`")
    };
    failure.cause(cause)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::{Command, VERSION};
    use std::os::unix::net::UnixListener;

    fn call() -> Call {
        Call { version: VERSION, as_officer: Some("awa".into()), command: Command::InboxList }
    }

    #[test]
    fn no_socket_is_unavailable_and_says_how_to_start() {
        let dir = tempfile::tempdir().unwrap();
        let failure = Client::connect(&dir.path().join("gateway.sock")).err().unwrap();
        assert_eq!(failure.exit, ExitCode::Unavailable);
        assert_eq!(failure.hint.unwrap(), "start it with `valise gateway serve --data DIR`");
        assert!(failure.cause.is_some());
    }

    #[test]
    fn a_reply_or_a_failure_comes_back_as_the_node_gave_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let denied = Failure::new(ExitCode::Denied, "role.denied", "no").hint("ask").cause("why");
        let replies: [Reply; 2] = [Ok(serde_json::json!([])), Err(denied.clone())];
        let node = std::thread::spawn(move || {
            for reply in replies {
                let (mut stream, _) = listener.accept().unwrap();
                let mut header = [0; 4];
                stream.read_exact(&mut header).unwrap();
                let mut body = vec![0; body_length(header).unwrap()];
                stream.read_exact(&mut body).unwrap();
                assert_eq!(crate::control::decode_call(&body).unwrap(), call());
                stream.write_all(&encode(&reply).unwrap()).unwrap();
            }
        });
        assert_eq!(Client::connect(&path).unwrap().call(&call()), Ok(serde_json::json!([])));
        assert_eq!(Client::connect(&path).unwrap().call(&call()), Err(denied));
        node.join().unwrap();
    }

    #[test]
    fn a_node_that_hangs_up_is_unavailable() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gateway.sock");
        let listener = UnixListener::bind(&path).unwrap();
        let node = std::thread::spawn(move || drop(listener.accept().unwrap()));
        let failure = Client::connect(&path).unwrap().call(&call()).unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (ExitCode::Unavailable, "control.socket"));
        node.join().unwrap();
    }
}
