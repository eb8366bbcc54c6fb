//! Promise: what Asterisk says reaches the CRM, signed and in order for each channel, whatever goes away in between. The
//! real binary between an Asterisk and a CRM of ours, over real TCP.

mod asterisk;
mod crm;
mod delivery;
mod listening;
mod losses;
mod refusals;
mod rig;
mod whole;
