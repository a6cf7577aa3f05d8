//! A container that counts, and what is done to it here.

use std::io::Read as _;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use conformance::observe::Process;
use conformance::{Bundle, Outcome, Runtime, Value, eventually, leaks, needs};

/// A container that counts into a pipe: CRIU finds no file of the host that is open in it.
pub(super) struct Counter {
    pub(super) bundle: Bundle,
    output: Arc<Mutex<String>>,
}

impl Counter {
    #[track_caller]
    pub(super) fn start() -> Self {
        Self::of(Bundle::sh("i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done"))
    }

    /// A bundle that counts with perl, which can do more than a shell: `first`, then `each` time. The perl is the host's.
    pub(super) fn perl(first: &str, each: &str) -> Bundle {
        needs::criu();
        needs::path("/usr/bin/perl");
        let count = r#"while (1) { print ++$i, "\n"; select(undef, undef, undef, 0.1);"#;
        let script = format!("use Socket; use Fcntl ':flock'; use IO::Handle; $| = 1; {first}; {count} {each} }}");
        let bundle = Bundle::new().args(["/usr/bin/perl", "-e", &script]);
        let bundle = bundle.dir("/usr").bind("/usr", "/usr", &["rbind", "ro"]);
        bundle.link("/lib", "usr/lib").link("/lib64", "usr/lib64").writable()
    }

    #[track_caller]
    pub(super) fn of(bundle: Bundle) -> Self {
        needs::criu();
        let counter = Self { bundle, output: Arc::default() };
        counter.bundle.write();
        let args = ["run", "--detach", "--bundle", counter.bundle.path().to_str().unwrap(), &counter.bundle.id];
        assert!(counter.spawn(&args).wait().unwrap().success(), "{args:?}");
        assert!(eventually(|| counter.last() >= 5), "it counts: {}", counter.output.lock().unwrap());
        counter
    }

    /// Calls the runtime with a pipe for the container; what it writes is read by a thread.
    #[track_caller]
    pub(super) fn spawn(&self, args: &[&str]) -> Child {
        self.spawn_command(self.bundle.runtime.command(args))
    }

    #[track_caller]
    fn spawn_command(&self, mut command: Command) -> Child {
        self.output.lock().unwrap().clear();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        leaks::claim(child.id().cast_signed());
        let (pipe, output) = (child.stdout.take().unwrap(), Arc::clone(&self.output));
        std::thread::spawn(move || collect(pipe, &output));
        child
    }

    /// The last whole number.
    pub(super) fn last(&self) -> u64 {
        self.numbers().last().copied().unwrap_or_default()
    }

    pub(super) fn numbers(&self) -> Vec<u64> {
        let output = self.output.lock().unwrap();
        let whole = output.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().map(|line| line.parse().unwrap()).collect()
    }

    pub(super) fn dir(&self, name: &str) -> String {
        self.bundle.host("images").join(name).to_string_lossy().into_owned()
    }

    /// The text of a file among those of [`Counter::dir`].
    pub(super) fn read(&self, name: &str) -> String {
        String::from_utf8_lossy(&std::fs::read(self.dir(name)).unwrap_or_default()).into_owned()
    }

    pub(super) fn checkpoint(&self, flags: &[&str]) -> Outcome {
        self.bundle.runtime.call([&["checkpoint"], flags, &[&*self.bundle.id]].concat())
    }

    /// `checkpoint` is refused for a reason that CRIU's log has, and ours says; the container runs on.
    #[track_caller]
    pub(super) fn refuses(&self, flags: &[&str], reason: &str) {
        let refusal = self.checkpoint(&[flags, &["--image-path", &self.dir("refused")]].concat()).fails();
        assert!(self.read("refused/dump.log").contains(reason), "{flags:?}: {}", refusal.stderr);
        if Runtime::is_orlop() {
            refusal.names(reason);
        }
        let before = self.last();
        assert!(eventually(|| self.last() > before), "it goes on after a checkpoint that was refused");
    }

    /// `restore` with these flags, as words after those every call has.
    #[track_caller]
    pub(super) fn restore(&self, images: &str, flags: &[&str]) -> Child {
        self.restore_as(&self.bundle.id, images, flags)
    }

    /// `restore` as a container of another id.
    #[track_caller]
    pub(super) fn restore_as(&self, id: &str, images: &str, flags: &[&str]) -> Child {
        let bundle = self.bundle.path().to_str().unwrap();
        let args = [&["restore", "--bundle", bundle, "--image-path", images], flags, &[id]].concat();
        self.spawn(&args)
    }

    /// `restore --detach` with these flags, which must succeed: it goes on counting.
    #[track_caller]
    pub(super) fn goes_on(&self, images: &str, flags: &[&str]) -> Process {
        let before = self.last();
        let restored = self.restore(images, &[&["--detach"], flags].concat()).wait().unwrap();
        let log = std::fs::read_to_string(Path::new(images).join("restore.log")).unwrap_or_default();
        let errors: Vec<&str> = log.lines().filter(|line| line.contains("Error")).collect();
        assert!(restored.success(), "{flags:?}: {errors:#?}");
        assert!(eventually(|| self.last() > before), "it goes on after {before}");
        self.process()
    }

    pub(super) fn state(&self) -> Value {
        serde_json::from_str(&self.bundle.runtime.call(["state", &self.bundle.id]).succeeds().stdout).unwrap()
    }

    /// Its first process.
    pub(super) fn process(&self) -> Process {
        Process::new(i32::try_from(self.state()["pid"].as_i64().unwrap()).unwrap())
    }

    #[track_caller]
    pub(super) fn delete(self) {
        self.bundle.runtime.call(["delete", "--force", &self.bundle.id]).succeeds();
        leaks::nothing_left(&self.bundle);
    }
}

fn collect(mut pipe: ChildStdout, output: &Mutex<String>) {
    let mut bytes = [0; 512];
    while let Ok(count @ 1..) = pipe.read(&mut bytes) {
        output.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
}
