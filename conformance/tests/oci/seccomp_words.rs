//! Every action, operator, flag and architecture of `linux.seccomp`, by what it does to a system call.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::seccomp::ALLOWED;
use conformance::{Bundle, Value, json, needs};

const MKDIR: [&str; 2] = ["mkdir", "mkdirat"];

fn ruled(script: &str, action: &str) -> Bundle {
    let rules = json!([{"names": MKDIR, "action": action}]);
    Bundle::sh(script).writable().set("/linux/seccomp", json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules}))
}

/// All that busybox needs is allowed; `mkdir` meets the default action.
fn by_default(action: &str) -> Bundle {
    let rules = json!([{"names": ALLOWED, "action": "SCMP_ACT_ALLOW"}]);
    let profile = json!({"defaultAction": action, "syscalls": rules});
    Bundle::new().args(["mkdir", "/new"]).writable().set("/linux/seccomp", profile)
}

#[conformance::test(covers = ["/linux/seccomp/syscalls/*/action=SCMP_ACT_KILL_THREAD"])]
fn kill_thread_ends_a_process_of_one_thread_by_sigsys() {
    ruled("(mkdir /new); echo $?", "SCMP_ACT_KILL_THREAD").run().succeeds().prints("159");
}

#[conformance::test(covers = ["/linux/seccomp/syscalls/*/action=SCMP_ACT_TRAP"])]
fn trap_sends_a_signal_that_can_be_caught() {
    // `cd` is the shell's own call, so that its own trap is what runs.
    let rules = json!([{"names": ["chdir"], "action": "SCMP_ACT_TRAP"}]);
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules});
    let bundle = Bundle::sh("trap 'echo caught' SYS; cd /etc; echo on").set("/linux/seccomp", profile);
    let outcome = bundle.set("/process/noNewPrivileges", true).run().succeeds();
    assert!(outcome.stdout.contains("caught\non"), "{}", outcome.stdout);
}

#[conformance::test(covers = ["/linux/seccomp/syscalls/*/action=SCMP_ACT_TRACE"])]
fn trace_without_a_tracer_is_no_such_call() {
    ruled("mkdir /new", "SCMP_ACT_TRACE").run().fails().says("function not implemented");
}

#[conformance::test(covers = ["/linux/seccomp/syscalls/*/action=SCMP_ACT_LOG"])]
fn log_lets_the_call_through() {
    let bundle = ruled("mkdir /new && grep Seccomp: /proc/self/status | cut -f 2", "SCMP_ACT_LOG");
    bundle.run().succeeds().prints("2");
    assert!(bundle.inside("/new").is_dir());
}

#[conformance::test(covers = ["/linux/seccomp/defaultAction=SCMP_ACT_{KILL,KILL_THREAD,KILL_PROCESS,TRAP}"])]
fn the_default_action_may_end_the_process() {
    for action in ["KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP"] {
        let bundle = by_default(&format!("SCMP_ACT_{action}"));
        bundle.run().exits(159);
        assert!(!bundle.inside("/new").exists(), "{action}");
    }
}

#[conformance::test(covers = ["/linux/seccomp/defaultAction=SCMP_ACT_{TRACE,LOG}"])]
fn the_default_action_may_be_to_trace_or_to_log() {
    by_default("SCMP_ACT_TRACE").run().fails().says("function not implemented");
    let bundle = by_default("SCMP_ACT_LOG");
    bundle.run().succeeds();
    assert!(bundle.inside("/new").is_dir());
}

/// Which of the modes 400, 500 and 600 `chmod` may not set where 500 is compared with this operator.
fn denied(operator: &str) -> String {
    let compared = |index: u32| json!([{"index": index, "value": 0o500, "op": operator}]);
    let rules = json!([
        {"names": ["chmod"], "action": "SCMP_ACT_ERRNO", "args": compared(1)},
        {"names": ["fchmodat"], "action": "SCMP_ACT_ERRNO", "args": compared(2)},
    ]);
    let script = "for mode in 400 500 600; do chmod $mode /tmp 2>/dev/null || echo $mode; done; true";
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": rules});
    let outcome = Bundle::sh(script).writable().set("/linux/seccomp", profile).run().succeeds();
    outcome.stdout.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[conformance::test(covers = ["/linux/seccomp/syscalls/*/args/*/op=SCMP_CMP_{NE,LT,LE,GE,GT,EQ}"])]
fn every_operator_compares() {
    for (operator, expected) in
        [("NE", "400 600"), ("LT", "400"), ("LE", "400 500"), ("EQ", "500"), ("GE", "500 600"), ("GT", "600")]
    {
        assert_eq!(denied(&format!("SCMP_CMP_{operator}")), expected, "{operator}");
    }
}

/// What strace(1) sees of the calls that install the filter.
fn installed(flag: &str, action: &str) -> String {
    needs::path("/usr/bin/strace");
    let bundle = ruled("true", action).set("/linux/seccomp/flags", json!([flag]));
    let path = bundle.write().path().to_string_lossy().into_owned();
    let trace = bundle.path().join("strace");
    let inner = bundle.runtime.command(["run", "--bundle", &path, &bundle.id]);
    let mut strace = std::process::Command::new("strace");
    strace.args(["-f", "-e", "trace=seccomp", "-o"]).arg(&trace).arg(inner.get_program()).args(inner.get_args());
    bundle.runtime.spawn(strace).wait().succeeds();
    let calls = fs::read_to_string(trace).unwrap();
    let done = calls.lines().filter(|line| line.contains("SECCOMP_SET_MODE_FILTER") && line.contains("= 0"));
    done.collect::<Vec<_>>().join("\n")
}

#[conformance::test(covers = ["/linux/seccomp/flags=SECCOMP_FILTER_FLAG_{LOG,SPEC_ALLOW,TSYNC}"])]
fn flags_reach_the_kernel() {
    needs::root("tracing what maps ids");
    for flag in ["LOG", "SPEC_ALLOW", "TSYNC"] {
        let flag = format!("SECCOMP_FILTER_FLAG_{flag}");
        let calls = installed(&flag, "SCMP_ACT_ERRNO");
        assert!(calls.contains(&flag), "{flag}: {calls}");
    }
}

/// A program of two calls, `mkdir("/new")` and `exit(result != -ENOSPC)`, as an ELF file with one segment.
fn program(class: u8, machine: u8, code: &[u8]) -> Vec<u8> {
    let wide = class == 2;
    let word = |value: u64| value.to_le_bytes()[..if wide { 8 } else { 4 }].to_vec();
    let head: u64 = if wide { 64 + 56 } else { 52 + 32 };
    let base: u64 = 0x40_0000;
    let mut file = vec![0x7f, b'E', b'L', b'F', class, 1, 1];
    file.resize(16, 0);
    file.extend([2, 0, machine, 0, 1, 0, 0, 0]);
    file.extend([word(base + head), word(if wide { 64 } else { 52 }), word(0)].concat());
    file.extend([0; 4]);
    file.extend(if wide { [64, 0, 56, 0, 1, 0] } else { [52, 0, 32, 0, 1, 0] });
    file.extend([0; 6]);
    let size = head + code.len() as u64;
    let (load, flags) = ([1, 0, 0, 0], [5, 0, 0, 0]);
    match wide {
        true => {
            file.extend([load, flags].concat());
            file.extend([0, base, base, size, size, 4096].iter().flat_map(|value| word(*value)));
        }
        false => {
            file.extend(load);
            file.extend([0, base, base, size, size].iter().flat_map(|value| word(*value)));
            file.extend([flags, [0, 16, 0, 0]].concat());
        }
    }
    file.extend(code);
    file
}

/// A bundle that runs such a program under a profile that refuses `mkdir` for lack of space, on these architectures.
fn foreign(program: &[u8], architectures: &[&str]) -> Bundle {
    let bundle = Bundle::new().args(["/program"]).writable();
    fs::write(bundle.inside("/program"), program).unwrap();
    fs::set_permissions(bundle.inside("/program"), PermissionsExt::from_mode(0o755)).unwrap();
    let rules = json!([{"names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 28}]);
    let profile = json!({"defaultAction": "SCMP_ACT_ALLOW", "architectures": architectures, "syscalls": rules});
    bundle.set("/linux/seccomp", profile)
}

fn on_x86_64() {
    needs::path("/lib64/ld-linux-x86-64.so.2");
}

/// `mov eax, 39; lea ebx, path; mov ecx, 0755; int 0x80; cmp eax, -28; setne bl; movzx ebx, bl; mov eax, 1; int 0x80`
fn of_x86() -> Vec<u8> {
    let path = 0x40_0000_u32 + 52 + 32 + 34;
    let mut code = vec![0xb8, 39, 0, 0, 0, 0xbb];
    code.extend(path.to_le_bytes());
    code.extend([0xb9, 0xed, 1, 0, 0, 0xcd, 0x80, 0x83, 0xf8, 0xe4, 0x0f, 0x95, 0xc3, 0x0f, 0xb6, 0xdb]);
    code.extend([0xb8, 1, 0, 0, 0, 0xcd, 0x80, 0x90]);
    code.extend(b"/new\0");
    program(1, 3, &code)
}

/// The same for `syscall`, with the numbers of x86_64 or, with bit 30, of x32.
fn of_x86_64(bit: u8) -> Vec<u8> {
    let path = 0x40_0000_u32 + 64 + 56 + 37;
    let mut code = vec![0xb8, 83, 0, 0, bit, 0xbf];
    code.extend(path.to_le_bytes());
    code.extend([0xbe, 0xed, 1, 0, 0, 0x0f, 0x05, 0x83, 0xf8, 0xe4, 0x40, 0x0f, 0x95, 0xc7, 0x40, 0x0f, 0xb6, 0xff]);
    code.extend([0xb8, 60, 0, 0, 0, 0x0f, 0x05, 0x90, 0x90]);
    code.extend(b"/new\0");
    program(2, 62, &code)
}

#[conformance::test(covers = ["/linux/seccomp/architectures=SCMP_ARCH_{X86_64,X86}"])]
fn a_program_of_32_bits_is_filtered_where_its_architecture_is_named() {
    on_x86_64();
    foreign(&of_x86_64(0), &["SCMP_ARCH_X86_64"]).run().exits(0);
    let both = foreign(&of_x86(), &["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    both.run().exits(0);
    assert!(!both.inside("/new").exists());
    // A call of an architecture that the profile does not name meets libseccomp's default: the thread is killed.
    foreign(&of_x86(), &["SCMP_ARCH_X86_64"]).run().exits(159);
}

#[conformance::test(covers = ["/linux/seccomp/architectures=SCMP_ARCH_X32"])]
fn a_program_of_x32_is_filtered_where_its_architecture_is_named() {
    on_x86_64();
    foreign(&of_x86_64(0x40), &["SCMP_ARCH_X86_64", "SCMP_ARCH_X32"]).run().exits(0);
}

const OTHERS: [&str; 20] = [
    "ARM",
    "AARCH64",
    "LOONGARCH64",
    "M68K",
    "MIPS",
    "MIPS64",
    "MIPS64N32",
    "MIPSEL",
    "MIPSEL64",
    "MIPSEL64N32",
    "PARISC",
    "PARISC64",
    "PPC",
    "PPC64",
    "PPC64LE",
    "RISCV64",
    "S390",
    "S390X",
    "SH",
    "SHEB",
];

/// No call of theirs is ever made here: what can be seen is that this machine's calls are filtered all the same, or that
/// the architecture is refused by name, as where its bytes have another order.
#[conformance::test(covers = ["/linux/seccomp/architectures=SCMP_ARCH_{ARM,AARCH64,LOONGARCH64,M68K,MIPS,MIPS64,MIPS64N32,MIPSEL,MIPSEL64,MIPSEL64N32,PARISC,PARISC64,PPC,PPC64,PPC64LE,RISCV64,S390,S390X,SH,SHEB}"])]
fn an_architecture_of_another_machine_changes_nothing_here_or_is_refused() {
    on_x86_64();
    for name in OTHERS {
        let bundle = foreign(&of_x86_64(0), &["SCMP_ARCH_X86_64", &format!("SCMP_ARCH_{name}")]);
        let outcome = bundle.run();
        assert!(!bundle.inside("/new").exists(), "{name}");
        if outcome.code != 0 {
            outcome.fails().names("/linux/seccomp/architectures/1");
        }
    }
}

#[conformance::test(covers = ["/linux/seccomp/flags=SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"])]
fn a_wait_that_only_a_kill_ends_is_asked_of_the_kernel() {
    needs::root("tracing what maps ids");
    needs::path("/usr/bin/strace");
    let flag = "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV";
    let bundle = ruled("true", "SCMP_ACT_NOTIFY");
    let agent = conformance::console::Console::of(&bundle);
    let bundle = bundle.set("/linux/seccomp/listenerPath", Value::from(agent.path.to_string_lossy()));
    let bundle = bundle.set("/linux/seccomp/flags", json!([flag]));
    let path = bundle.write().path().to_string_lossy().into_owned();
    let trace = bundle.path().join("strace");
    let inner = bundle.runtime.command(["create", "--bundle", &path, &bundle.id]);
    let mut strace = std::process::Command::new("strace");
    strace.args(["-D", "-f", "-e", "trace=seccomp", "-X", "raw", "-o"]).arg(&trace);
    strace.arg(inner.get_program()).args(inner.get_args());
    bundle.runtime.spawn(strace).wait().succeeds();
    let (_, _listener) = agent.receive_message();
    let calls = || fs::read_to_string(&trace).unwrap_or_default();
    // Set (1), with NEW_LISTENER (8) and WAIT_KILLABLE_RECV (32): linux/seccomp.h.
    let asked = |line: &str| {
        let words: Vec<&str> = line.split(['(', ',', ' ']).filter(|word| !word.is_empty()).collect();
        let flags = words.iter().position(|word| *word == "seccomp").and_then(|at| words.get(at + 2));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim_start_matches("0x"), 16).ok());
        flags.is_some_and(|flags| flags & 40 == 40)
    };
    assert!(conformance::eventually(|| calls().lines().any(asked)), "{}", calls());
    bundle.runtime.call(["delete", "--force", &bundle.id]).succeeds();
}
