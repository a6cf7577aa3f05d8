//! What is kept of a container between calls: a directory with its record, its configuration and its start gate.

mod record;
mod status;
mod store;

pub(crate) use record::Record;
pub use status::{State, Status};
pub(crate) use store::{CRIU_ROOT, Directory, Lock, Store, check_id, timestamp};
