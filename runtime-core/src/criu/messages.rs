//! The messages of CRIU's service (criu.org/RPC), as far as a container needs them. The numbers are CRIU's interface.

/// What is asked of CRIU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, prost::Enumeration)]
#[repr(i32)]
pub(super) enum Kind {
    Dump = 1,
    Restore = 2,
    PreDump = 4,
    Notify = 6,
}

/// A request, or the answer to a notification.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Request {
    #[prost(enumeration = "Kind", required, tag = "1")]
    pub(super) kind: i32,
    #[prost(message, optional, tag = "2")]
    pub(super) options: Option<Options>,
    #[prost(bool, optional, tag = "3")]
    pub(super) notify_success: Option<bool>,
}

/// What CRIU says.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Response {
    #[prost(int32, required, tag = "1")]
    pub(super) kind: i32,
    #[prost(bool, required, tag = "2")]
    pub(super) success: bool,
    #[prost(message, optional, tag = "5")]
    pub(super) notify: Option<Notify>,
    #[prost(int32, optional, tag = "7")]
    pub(super) errno: Option<i32>,
}

/// CRIU has come to a point where something can be done, and waits for the answer.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Notify {
    #[prost(string, tag = "1")]
    pub(super) script: String,
    #[prost(int32, tag = "2")]
    pub(super) pid: i32,
}

/// How to dump or restore. Descriptors are the caller's, but for those of [`InheritFd`].
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Options {
    #[prost(int32, required, tag = "1")]
    pub(super) images_dir_fd: i32,
    #[prost(int32, tag = "2")]
    pub(super) pid: i32,
    #[prost(bool, tag = "3")]
    pub(super) leave_running: bool,
    #[prost(bool, tag = "4")]
    pub(super) ext_unix_sk: bool,
    #[prost(bool, tag = "5")]
    pub(super) tcp_established: bool,
    #[prost(bool, tag = "6")]
    pub(super) evasive_devices: bool,
    #[prost(bool, tag = "7")]
    pub(super) shell_job: bool,
    #[prost(bool, tag = "8")]
    pub(super) file_locks: bool,
    #[prost(int32, tag = "9")]
    pub(super) log_level: i32,
    #[prost(string, tag = "10")]
    pub(super) log_file: String,
    #[prost(message, optional, tag = "11")]
    pub(super) page_server: Option<PageServer>,
    #[prost(bool, tag = "12")]
    pub(super) notify_scripts: bool,
    #[prost(string, tag = "13")]
    pub(super) root: String,
    #[prost(string, optional, tag = "14")]
    pub(super) parent_img: Option<String>,
    #[prost(bool, tag = "15")]
    pub(super) track_mem: bool,
    #[prost(bool, tag = "16")]
    pub(super) auto_dedup: bool,
    #[prost(int32, optional, tag = "17")]
    pub(super) work_dir_fd: Option<i32>,
    #[prost(bool, tag = "18")]
    pub(super) link_remap: bool,
    #[prost(message, repeated, tag = "23")]
    pub(super) ext_mnt: Vec<ExtMount>,
    #[prost(bool, tag = "24")]
    pub(super) manage_cgroups: bool,
    #[prost(message, repeated, tag = "25")]
    pub(super) cg_root: Vec<CgroupRoot>,
    #[prost(bool, tag = "26")]
    pub(super) rst_sibling: bool,
    #[prost(message, repeated, tag = "27")]
    pub(super) inherit_fd: Vec<InheritFd>,
    #[prost(int32, optional, tag = "34")]
    pub(super) manage_cgroups_mode: Option<i32>,
    #[prost(string, repeated, tag = "37")]
    pub(super) external: Vec<String>,
    #[prost(uint32, tag = "38")]
    pub(super) empty_ns: u32,
    #[prost(message, repeated, tag = "39")]
    pub(super) join_ns: Vec<JoinNamespace>,
    #[prost(string, optional, tag = "44")]
    pub(super) freeze_cgroup: Option<String>,
    #[prost(bool, tag = "46")]
    pub(super) tcp_skip_in_flight: bool,
    #[prost(bool, tag = "48")]
    pub(super) lazy_pages: bool,
    #[prost(bool, tag = "50")]
    pub(super) orphan_pts_master: bool,
    #[prost(string, optional, tag = "51")]
    pub(super) config_file: Option<String>,
    #[prost(bool, tag = "52")]
    pub(super) tcp_close: bool,
    #[prost(string, optional, tag = "53")]
    pub(super) lsm_profile: Option<String>,
    #[prost(string, optional, tag = "63")]
    pub(super) lsm_mount_context: Option<String>,
}

/// Where another CRIU takes the pages of memory.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct PageServer {
    #[prost(string, tag = "1")]
    pub(super) address: String,
    #[prost(int32, tag = "2")]
    pub(super) port: i32,
}

/// A mount whose source is not the container's: its mount point, and when restoring what is mounted there.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ExtMount {
    #[prost(string, required, tag = "1")]
    pub(super) key: String,
    #[prost(string, required, tag = "2")]
    pub(super) value: String,
}

/// Where the container's cgroups are now, in one hierarchy.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct CgroupRoot {
    #[prost(string, optional, tag = "1")]
    pub(super) controllers: Option<String>,
    #[prost(string, required, tag = "2")]
    pub(super) path: String,
}

/// A descriptor of CRIU's own that takes the place of one that was dumped as `key`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct InheritFd {
    #[prost(string, required, tag = "1")]
    pub(super) key: String,
    #[prost(int32, required, tag = "2")]
    pub(super) fd: i32,
}

/// A namespace that is there already.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct JoinNamespace {
    #[prost(string, required, tag = "1")]
    pub(super) kind: String,
    #[prost(string, required, tag = "2")]
    pub(super) path: String,
}
