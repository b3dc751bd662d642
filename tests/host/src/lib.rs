//! Loads a KMDF driver image into an ordinary process over the model.
