//! Whether the machine runs on battery, by `/sys/class/power_supply`.

use std::path::Path;

/// Where the kernel lists batteries and plugs.
pub(super) const SUPPLIES: &str = "/sys/class/power_supply";

/// Whether a battery of the machine itself is being emptied and no plug gives power. A desktop has neither.
pub(super) fn is_on_battery(supplies: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(supplies) else { return false };
    let (mut empties, mut is_plugged) = (false, false);
    for supply in entries.flatten() {
        let read = |name: &str| std::fs::read_to_string(supply.path().join(name)).unwrap_or_default();
        match read("type").trim() {
            // The battery of a mouse says nothing about the machine.
            "Battery" if read("scope").trim() != "Device" => empties |= read("status").trim() == "Discharging",
            "Mains" | "USB" | "Wireless" => is_plugged |= read("online").trim() == "1",
            _ => {}
        }
    }
    empties && !is_plugged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(supplies: &[(&str, &[(&str, &str)])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, files) in supplies {
            std::fs::create_dir(folder.path().join(name)).unwrap();
            for (file, text) in *files {
                std::fs::write(folder.path().join(name).join(file), format!("{text}\n")).unwrap();
            }
        }
        folder
    }

    #[test]
    fn only_a_laptop_without_its_plug_is_on_battery() {
        let battery: (&str, &[_]) = ("BAT0", &[("type", "Battery"), ("status", "Discharging")]);
        let plug = |online: &'static str| [("type", "Mains"), ("online", online)];
        assert!(is_on_battery(machine(&[battery, ("AC", &plug("0"))]).path()));
        assert!(!is_on_battery(machine(&[battery, ("AC", &plug("1"))]).path()));
        assert!(!is_on_battery(machine(&[("BAT0", &[("type", "Battery"), ("status", "Charging")])]).path()));
        let mouse: (&str, &[_]) = ("hid", &[("type", "Battery"), ("status", "Discharging"), ("scope", "Device")]);
        assert!(!is_on_battery(machine(&[mouse]).path()));
        assert!(!is_on_battery(Path::new("/no/such/folder")));
    }
}
