//! Sets of ASCII characters, and the classes that have names.

use std::fmt;

/// The ASCII characters of a set, and whether it holds all others.
#[derive(Clone, Copy)]
pub(super) struct Set {
    ascii: u128,
    others: bool,
}

impl Set {
    pub(super) fn of(holds: impl Fn(char) -> bool) -> Self {
        let ascii = (0..128).filter(|c| holds(char::from(*c))).fold(0, |ascii, c| ascii | 1 << c);
        Self { ascii, others: false }
    }

    pub(super) fn or(self, other: Self) -> Self {
        Self { ascii: self.ascii | other.ascii, others: self.others | other.others }
    }

    pub(super) fn negated_if(self, is_negated: bool) -> Self {
        if is_negated { Self { ascii: !self.ascii, others: !self.others } } else { self }
    }

    pub(super) fn with_both_cases(self) -> Self {
        const UPPER: u128 = ((1 << 26) - 1) << b'A';
        const LOWER: u128 = UPPER << 32;
        Self { ascii: self.ascii | (self.ascii & UPPER) << 32 | (self.ascii & LOWER) >> 32, ..self }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.ascii == 0 && !self.others {
            return f.write_str(r"[^\x{0}-\x{10FFFF}]");
        }
        f.write_str("[")?;
        for c in (0..128).filter(|c| self.ascii >> c & 1 == 1) {
            write!(f, r"\x{{{c:X}}}")?;
        }
        f.write_str(if self.others { r"\x{80}-\x{10FFFF}]" } else { "]" })
    }
}

pub(super) fn posix_class(name: &str) -> Option<Set> {
    Some(match name {
        "alnum" => Set::of(|c| c.is_ascii_alphanumeric()),
        "alpha" => Set::of(|c| c.is_ascii_alphabetic()),
        "ascii" => Set::of(|_| true),
        "blank" => Set::of(|c| matches!(c, ' ' | '\t')),
        "cntrl" => Set::of(|c| c.is_ascii_control()),
        "digit" => Set::of(|c| c.is_ascii_digit()),
        "graph" => Set::of(|c| c.is_ascii_graphic()),
        "lower" => Set::of(|c| c.is_ascii_lowercase()),
        "print" => Set::of(|c| c == ' ' || c.is_ascii_graphic()),
        "punct" => Set::of(|c| c.is_ascii_punctuation()),
        "space" => Set::of(|c| matches!(c, '\t'..='\r' | ' ')),
        "upper" => Set::of(|c| c.is_ascii_uppercase()),
        "word" => Set::of(|c| c.is_ascii_alphanumeric() || c == '_'),
        "xdigit" => Set::of(|c| c.is_ascii_hexdigit()),
        _ => return None,
    })
}

/// The ASCII characters of a Unicode category or script.
pub(super) fn unicode_class(name: &str) -> Option<Set> {
    const SYMBOLS: &str = "$+<=>^`|~";
    Some(match name {
        "Any" => Set::of(|_| true).or(Set { ascii: 0, others: true }),
        "L" | "LC" | "Latin" => Set::of(|c| c.is_ascii_alphabetic()),
        "Common" => Set::of(|c| !c.is_ascii_alphabetic()),
        "Lu" => Set::of(|c| c.is_ascii_uppercase()),
        "Ll" => Set::of(|c| c.is_ascii_lowercase()),
        "N" | "Nd" => Set::of(|c| c.is_ascii_digit()),
        "P" => Set::of(|c| c.is_ascii_punctuation() && !SYMBOLS.contains(c)),
        "Pc" => Set::of(|c| c == '_'),
        "Pd" => Set::of(|c| c == '-'),
        "Ps" => Set::of(|c| "([{".contains(c)),
        "Pe" => Set::of(|c| ")]}".contains(c)),
        "Po" => Set::of(|c| r##"!"#%&'*,./:;?@\"##.contains(c)),
        "S" => Set::of(|c| SYMBOLS.contains(c)),
        "Sc" => Set::of(|c| c == '$'),
        "Sk" => Set::of(|c| "^`".contains(c)),
        "Sm" => Set::of(|c| "+<=>|~".contains(c)),
        "Z" | "Zs" => Set::of(|c| c == ' '),
        "C" | "Cc" => Set::of(|c| c.is_ascii_control()),
        _ => return BEYOND_ASCII.split(' ').any(|known| known == name).then(|| Set::of(|_| false)),
    })
}

/// Categories and scripts without an ASCII character. The names are known so that a slip is an
/// error and not a set that holds nothing.
const BEYOND_ASCII: &str = "\
    Lm Lo Lt M Mc Me Mn Nl No Pf Pi So Zl Zp Cf Cn Co Cs Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan \
    Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal \
    Carian Caucasian_Albanian Chakma Cham Cherokee Chorasmian Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic \
    Deseret Devanagari Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian \
    Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran \
    Hebrew Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi \
    Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Lepcha Limbu Linear_A \
    Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin \
    Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar \
    Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki \
    Old_Hungarian Old_Italic Old_North_Arabian Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic \
    Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang \
    Runic Samaritan Saurashtra Sharada Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese \
    Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai \
    Tibetan Tifinagh Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square";
