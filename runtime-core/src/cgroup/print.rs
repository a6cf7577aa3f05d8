//! A [`Plan`] as text, one line for each thing done: for `orlop plan` and golden tests.

use std::fmt;

use super::plan::{Missing, Plan};

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for dir in &self.dirs {
            writeln!(f, "mkdir   {}", dir.path.display())?;
        }
        if let Some(unit) = &self.unit {
            writeln!(f, "unit    {}", unit.name)?;
            for property in &unit.properties {
                write!(f, "set     {}={}", property.name, property.value)?;
                property.field.as_ref().map_or(writeln!(f), |field| writeln!(f, "  # {field}"))?;
            }
        }
        for enable in &self.enable {
            write!(f, "enable  {}", enable.controller)?;
            match &enable.field {
                Some(field) => writeln!(f, "  # {field}")?,
                None => writeln!(f, "  # if it can be")?,
            }
        }
        if let Some(fits) = &self.fits {
            writeln!(f, "check   {} <= {}  # {}", fits.file, fits.limit, fits.field)?;
        }
        for write in &self.writes {
            write!(f, "write   {} {}", write.file, write.value)?;
            match &write.missing {
                Missing::Refuse => {}
                Missing::Skip => f.write_str(", if it can be")?,
                Missing::Use(file, value) => write!(f, ", or {file} {value}")?,
            }
            writeln!(f, "  # {}", write.field)?;
        }
        if let Some(program) = &self.devices {
            writeln!(f, "bpf     {} instructions", program.len())?;
        }
        match self.owner {
            Some(owner) => writeln!(f, "chown   {owner}"),
            None => Ok(()),
        }
    }
}
