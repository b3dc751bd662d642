//! SAVE, RESTORE and DISCARD in a script, their raw counterparts, and
//! `PsDisableImpersonation`.

use super::super::requests::open_as_administrator;
use super::Run;
use super::env::Save;
use crate::client::{Client, Contract};
use crate::driver::Failure;
use psimp_catalogue::Step;

impl Run<'_, '_> {
    /// Steps that save and restore slots.
    pub(super) fn keep(&self, step: &Step) {
        let thread = self.thread();
        match *step {
            Step::Save(number) => match self.save() {
                Ok(save) => {
                    let asked = self.env.asked.by(self.about);
                    self.env.kept.lock().saves.insert(number, (save, asked));
                }
                Err(failure) => self.succeeded("save", Err(failure)),
            },
            Step::SaveMany(count) => {
                for _ in 0..count {
                    self.succeeded("save", self.save().map(drop));
                }
            }
            Step::SaveRefused(status) => self.ended("save", status, self.save().map(drop)),
            Step::Restore(number, status) => self.ended("restore", status, self.restore(number)),
            Step::RestoreId(id, status) => {
                let restored = self.through_driver(|client| client.restore(id, self.env.rules).map(drop));
                self.ended("restore", status, restored);
            }
            Step::RestoreOnOtherFile(number, status) => {
                self.ended("restore on another file object", status, self.restore_elsewhere(number));
            }
            Step::Discard(number, status) => self.ended("discard", status, self.discard(number)),
            Step::Disable(number) => {
                let impersonating = thread.is_impersonating();
                let state = thread.disable_impersonation();
                self.same("PsDisableImpersonation", &impersonating, &state.was_impersonating());
                self.env.kept.lock().disabled.insert(number, state);
            }
            Step::RestoreDisabled(number) => {
                let state = self.env.kept.lock().disabled.remove(&number);
                self.same("the script has this state", &true, &state.is_some());
                thread.restore_impersonation(state.unwrap_or_default());
            }
            // Handled elsewhere.
            _ => (),
        }
    }

    fn save(&self) -> Result<Save, Failure> {
        if self.has_device() {
            return self.through_driver(|client| client.save().map(|saved| Save::Id(saved.save)));
        }
        Ok(Save::Slot(self.thread().slot()))
    }

    fn kept_save(&self, number: usize) -> Result<(Save, Option<psimp_catalogue::ClientToken>), Failure> {
        self.env.kept.lock().saves.get(&number).cloned().ok_or_else(|| no_such(number))
    }

    fn restore(&self, number: usize) -> Result<(), Failure> {
        let (save, asked) = self.kept_save(number)?;
        match save {
            Save::Id(id) => self.through_driver(|client| client.restore(id, self.env.rules)).map(drop)?,
            Save::Slot(slot) => {
                let slot = slot.as_ref();
                self.machine.system.ps_impersonate_client(
                    &self.thread(),
                    slot.map(|slot| &slot.token),
                    slot.is_some_and(|slot| slot.copy_on_open),
                    slot.is_some_and(|slot| slot.effective_only),
                    slot.map_or(0, |slot| slot.level),
                )?;
            }
        }
        self.env.asked.note(self.about, asked);
        Ok(())
    }

    /// RESTORE with the right id on another open of the device.
    fn restore_elsewhere(&self, number: usize) -> Result<(), Failure> {
        let (Save::Id(id), _) = self.kept_save(number)? else { return Err(no_such(number)) };
        self.through_driver(|client| {
            let file = open_as_administrator(client, 3)?;
            let restored = Client { file: &file, ..*client }.restore(id, self.env.rules).map(drop);
            client.driver.close(&self.machine.thread, file)?;
            restored
        })
    }

    fn discard(&self, number: usize) -> Result<(), Failure> {
        match self.kept_save(number)?.0 {
            Save::Id(id) => self.through_driver(|client| client.discard(id)),
            Save::Slot(_) => {
                self.env.kept.lock().saves.remove(&number);
                Ok(())
            }
        }
    }
}

fn no_such(number: usize) -> Failure {
    Failure::Fault(format!("the script has no save {number}"))
}
