//! SAVE, RESTORE and DISCARD in a script, and their raw counterparts.

use super::Way;
use super::requests::open_as_administrator;
use super::script::{Kept, Run};
use crate::client::Client;
use crate::driver::Failure;

impl Run<'_> {
    /// The driver's client; a step for the driver alone has one.
    pub(super) fn client(&self) -> Result<&Client<'_>, Failure> {
        match self.way {
            Way::Driver(client, _) => Ok(client),
            Way::Kernel => Err(Failure::Fault("this step is for the driver alone".to_owned())),
        }
    }

    pub(super) fn save(&self) -> Result<Kept, Failure> {
        match self.way {
            Way::Kernel => Ok(Kept::Slot(self.machine.thread.slot())),
            Way::Driver(client, _) => client.save().map(|saved| Kept::Id(saved.save)),
        }
    }

    pub(super) fn restore(&mut self, number: usize) -> Result<(), Failure> {
        let (machine, way) = (self.machine, self.way);
        let Some((kept, asked)) = self.saves.get(&number) else { return Err(no_such(number)) };
        match (kept, way) {
            (Kept::Slot(slot), _) => {
                let slot = slot.as_ref();
                machine.system.ps_impersonate_client(
                    &machine.thread,
                    slot.map(|slot| &slot.token),
                    slot.is_some_and(|slot| slot.copy_on_open),
                    slot.is_some_and(|slot| slot.effective_only),
                    slot.map_or(0, |slot| slot.level),
                )?;
            }
            (Kept::Id(id), Way::Driver(client, _)) => {
                client.restore(*id)?;
            }
            (Kept::Id(_), Way::Kernel) => return Err(no_such(number)),
        }
        self.asked = *asked;
        Ok(())
    }

    /// RESTORE with the right id on another open of the device.
    pub(super) fn restore_elsewhere(&self, number: usize) -> Result<(), Failure> {
        let Some((Kept::Id(id), _)) = self.saves.get(&number) else { return Err(no_such(number)) };
        let client = self.client()?;
        let file = open_as_administrator(client, 3)?;
        let restored = Client { file: &file, ..*client }.restore(*id).map(drop);
        client.driver.close(&self.machine.thread, file)?;
        restored
    }

    pub(super) fn discard(&mut self, number: usize) -> Result<(), Failure> {
        match (self.saves.get(&number), self.way) {
            (Some((Kept::Id(id), _)), Way::Driver(client, _)) => client.discard(*id),
            (Some((Kept::Slot(_), _)), _) => {
                self.saves.remove(&number);
                Ok(())
            }
            _ => Err(no_such(number)),
        }
    }
}

fn no_such(number: usize) -> Failure {
    Failure::Fault(format!("the script has no save {number}"))
}
