//! Who appears. Numbers are from the ranges kept free for fiction by Ofcom (020 7946 0xxx), the Bundesnetzagentur
//! ((0)30 23125 xxx), the NANPA (555-01xx) and ARCEP (01 99 00 xx xx).

/// A caller: name, company, number.
pub const CALLERS: [(&str, &str, &str); 24] = [
    ("Priya Raman", "Northgate Dental", "+442079460321"),
    ("Tom Whitlock", "Whitlock & Sons Joinery", "+442079460118"),
    ("Amara Okafor", "Okafor Interiors", "+442079460745"),
    ("Jonas Behrendt", "Behrendt Optik", "+493023125204"),
    ("Katrin Vogel", "Praxis Dr. Vogel", "+493023125417"),
    ("Mehmet Aydin", "Aydin Feinkost", "+493023125668"),
    ("Claire Fontaine", "Atelier Fontaine", "+33199001245"),
    ("Lucas Marchand", "Marchand Vélos", "+33199003410"),
    ("Dana Whitfield", "Harbor Light Bakery", "+12025550143"),
    ("Marcus Bell", "Bell Property Care", "+13125550176"),
    ("Sofia Delgado", "Delgado Travel", "+13055550162"),
    ("Henry Nakamura", "Pine Street Books", "+14155550129"),
    ("Ruth Abernathy", "", "+442079460532"),
    ("George Palmer", "Palmer Motors", "+442079460887"),
    ("Ines Carvalho", "Casa Carvalho", "+442079460264"),
    ("Owen Pritchard", "Pritchard Roofing", "+442079460611"),
    ("Hannah Lindner", "Lindner Gartenbau", "+493023125832"),
    ("Felix Brandt", "", "+493023125951"),
    ("Emily Sato", "Sato Physiotherapy", "+16175550188"),
    ("Nathan Cole", "Cole Brothers Hardware", "+12065550137"),
    ("Victoria Hughes", "Brightside Nursery", "+442079460439"),
    ("Samir Haddad", "Haddad Pharmacy", "+442079460976"),
    ("Lena Hoffmann", "Café Morgenrot", "+493023125375"),
    ("Peter Malone", "", "+442079460150"),
];

/// Numbers that nobody has named yet.
pub const STRANGERS: [&str; 8] = [
    "+442079460203",
    "+442079460690",
    "+493023125119",
    "+493023125746",
    "+33199007781",
    "+12125550115",
    "+17185550194",
    "+442079460842",
];

/// The lines of the house.
pub const LINES: [&str; 3] = ["+442079460000", "+442079460001", "+442079460002"];

/// A colleague: name, e-mail, role.
pub const PEOPLE: [(&str, &str, &str); 5] = [
    ("Sam Rivera", "sam@demo.example", "agent"),
    ("Ben Hughes", "ben@demo.example", "agent"),
    ("Chiara Moretti", "chiara@demo.example", "agent"),
    ("Ada Lindqvist", "ada@demo.example", "supervisor"),
    ("Ivo Novak", "ivo@demo.example", "auditor"),
];

/// Key of a disposition and what an agent wrote.
pub const NOTES: [(&str, &str); 12] = [
    ("solved", "Invoice sent again by e-mail. Everything is clear now."),
    ("billing", "Wants the March invoice split in two. Passed to accounts, they will confirm by Thursday."),
    ("call_back", "In a meeting, asked for a call tomorrow morning."),
    ("order", "Added two chairs to the order. New delivery date is Friday."),
    ("information", "Asked about opening hours over the holidays. Told them Monday to Wednesday."),
    ("complaint", "Second delivery with a damaged box. Promised a replacement and a call from Ada."),
    ("solved", "Password reset together on the phone, signed in fine."),
    ("transferred", "Technical question about the connector, passed on to Jonas in support."),
    ("wrong_number", "Was looking for the town hall."),
    ("order", "Cancelled the second appointment, the first one stays."),
    ("billing", "Direct debit failed, bank details updated."),
    ("information", "Price list sent by e-mail."),
];
