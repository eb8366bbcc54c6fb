//! A side of a call, and how addresses are shown.

use async_graphql::SimpleObject;
use switchboard_telephony::{self as telephony, Address};

use super::PartyKind;

/// A party of a call as the viewer may see it.
#[derive(Clone, Debug, SimpleObject)]
pub struct Party {
    /// What kind of address it is.
    kind: PartyKind,
    /// To be shown: the number in international notation, the address, the mask, or what stands in the place of a hidden
    /// one.
    display: String,
    /// The number in E.164; null when it is masked or not a number.
    e164: Option<String>,
    /// Is there an address that the viewer may not see in full?
    masked: bool,
    /// The name that the network or the provider sent with the call.
    name: Option<String>,
}

impl Party {
    /// As somebody sees it who does, or does not, see numbers in full.
    pub(super) fn new(party: telephony::Party, sees_numbers: bool) -> Self {
        let kind = party.kind.into();
        let Some(address) = party.value else {
            let display = if kind == PartyKind::Withheld { "Number withheld" } else { "Unknown number" };
            return Self { kind, display: display.to_owned(), e164: None, masked: false, name: party.name };
        };
        let shown = ShownAddress::new(&address, sees_numbers);
        Self { kind, display: shown.display, e164: shown.e164, masked: shown.masked, name: party.name }
    }
}

/// An address as somebody sees it.
#[derive(Debug)]
pub(super) struct ShownAddress {
    pub(super) display: String,
    pub(super) e164: Option<String>,
    pub(super) masked: bool,
}

impl ShownAddress {
    pub(super) fn new(address: &Address, sees_numbers: bool) -> Self {
        // Extensions are our own and identify nobody outside.
        if sees_numbers || matches!(address, Address::Extension(_)) {
            let e164 = match address {
                Address::Phone(number) => Some(number.e164().to_owned()),
                _ => None,
            };
            return Self { display: address.formatted(), e164, masked: false };
        }
        Self { display: address.masked(), e164: None, masked: true }
    }
}
