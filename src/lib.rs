//! Switchboard, the telephony CRM: the composition root.
