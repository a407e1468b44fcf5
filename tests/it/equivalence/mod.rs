//! Equivalence: every client, on whatever transport and however often cut, ends with the same list of events, or
//! with a gap that covers exactly what is missing (DESIGN §6, SEMANTICS "The checker").

mod checker;
mod faults;
mod message;
mod random;
mod record;
mod run;
mod script;
mod shrink;
mod simulator;
