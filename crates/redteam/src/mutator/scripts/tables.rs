//! The alphabets.

use super::alphabet::Alphabet;

/// Mathematical bold.
pub(super) const BOLD: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    to: "𝐀𝐁𝐂𝐃𝐄𝐅𝐆𝐇𝐈𝐉𝐊𝐋𝐌𝐍𝐎𝐏𝐐𝐑𝐒𝐓𝐔𝐕𝐖𝐗𝐘𝐙𝐚𝐛𝐜𝐝𝐞𝐟𝐠𝐡𝐢𝐣𝐤𝐥𝐦𝐧𝐨𝐩𝐪𝐫𝐬𝐭𝐮𝐯𝐰𝐱𝐲𝐳𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
};

/// Mathematical italic.
pub(super) const ITALIC: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "𝐴𝐵𝐶𝐷𝐸𝐹𝐺𝐻𝐼𝐽𝐾𝐿𝑀𝑁𝑂𝑃𝑄𝑅𝑆𝑇𝑈𝑉𝑊𝑋𝑌𝑍𝑎𝑏𝑐𝑑𝑒𝑓𝑔ℎ𝑖𝑗𝑘𝑙𝑚𝑛𝑜𝑝𝑞𝑟𝑠𝑡𝑢𝑣𝑤𝑥𝑦𝑧",
};

/// Mathematical bold italic.
pub(super) const BOLD_ITALIC: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "𝑨𝑩𝑪𝑫𝑬𝑭𝑮𝑯𝑰𝑱𝑲𝑳𝑴𝑵𝑶𝑷𝑸𝑹𝑺𝑻𝑼𝑽𝑾𝑿𝒀𝒁𝒂𝒃𝒄𝒅𝒆𝒇𝒈𝒉𝒊𝒋𝒌𝒍𝒎𝒏𝒐𝒑𝒒𝒓𝒔𝒕𝒖𝒗𝒘𝒙𝒚𝒛",
};

/// Mathematical script.
pub(super) const SCRIPT: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "𝒜ℬ𝒞𝒟ℰℱ𝒢ℋℐ𝒥𝒦ℒℳ𝒩𝒪𝒫𝒬ℛ𝒮𝒯𝒰𝒱𝒲𝒳𝒴𝒵𝒶𝒷𝒸𝒹ℯ𝒻ℊ𝒽𝒾𝒿𝓀𝓁𝓂𝓃ℴ𝓅𝓆𝓇𝓈𝓉𝓊𝓋𝓌𝓍𝓎𝓏",
};

/// Mathematical bold script.
pub(super) const BOLD_SCRIPT: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "𝓐𝓑𝓒𝓓𝓔𝓕𝓖𝓗𝓘𝓙𝓚𝓛𝓜𝓝𝓞𝓟𝓠𝓡𝓢𝓣𝓤𝓥𝓦𝓧𝓨𝓩𝓪𝓫𝓬𝓭𝓮𝓯𝓰𝓱𝓲𝓳𝓴𝓵𝓶𝓷𝓸𝓹𝓺𝓻𝓼𝓽𝓾𝓿𝔀𝔁𝔂𝔃",
};

/// Mathematical fraktur.
pub(super) const FRAKTUR: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "𝔄𝔅ℭ𝔇𝔈𝔉𝔊ℌℑ𝔍𝔎𝔏𝔐𝔑𝔒𝔓𝔔ℜ𝔖𝔗𝔘𝔙𝔚𝔛𝔜ℨ𝔞𝔟𝔠𝔡𝔢𝔣𝔤𝔥𝔦𝔧𝔨𝔩𝔪𝔫𝔬𝔭𝔮𝔯𝔰𝔱𝔲𝔳𝔴𝔵𝔶𝔷",
};

/// Mathematical bold fraktur.
pub(super) const BOLD_FRAKTUR: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "𝕬𝕭𝕮𝕯𝕰𝕱𝕲𝕳𝕴𝕵𝕶𝕷𝕸𝕹𝕺𝕻𝕼𝕽𝕾𝕿𝖀𝖁𝖂𝖃𝖄𝖅𝖆𝖇𝖈𝖉𝖊𝖋𝖌𝖍𝖎𝖏𝖐𝖑𝖒𝖓𝖔𝖕𝖖𝖗𝖘𝖙𝖚𝖛𝖜𝖝𝖞𝖟",
};

/// Mathematical double-struck.
pub(super) const DOUBLE_STRUCK: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    to: "𝔸𝔹ℂ𝔻𝔼𝔽𝔾ℍ𝕀𝕁𝕂𝕃𝕄ℕ𝕆ℙℚℝ𝕊𝕋𝕌𝕍𝕎𝕏𝕐ℤ𝕒𝕓𝕔𝕕𝕖𝕗𝕘𝕙𝕚𝕛𝕜𝕝𝕞𝕟𝕠𝕡𝕢𝕣𝕤𝕥𝕦𝕧𝕨𝕩𝕪𝕫𝟘𝟙𝟚𝟛𝟜𝟝𝟞𝟟𝟠𝟡",
};

/// Mathematical sans-serif.
pub(super) const SANS: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    to: "𝖠𝖡𝖢𝖣𝖤𝖥𝖦𝖧𝖨𝖩𝖪𝖫𝖬𝖭𝖮𝖯𝖰𝖱𝖲𝖳𝖴𝖵𝖶𝖷𝖸𝖹𝖺𝖻𝖼𝖽𝖾𝖿𝗀𝗁𝗂𝗃𝗄𝗅𝗆𝗇𝗈𝗉𝗊𝗋𝗌𝗍𝗎𝗏𝗐𝗑𝗒𝗓𝟢𝟣𝟤𝟥𝟦𝟧𝟨𝟩𝟪𝟫",
};

/// Mathematical sans-serif bold.
pub(super) const SANS_BOLD: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    to: "𝗔𝗕𝗖𝗗𝗘𝗙𝗚𝗛𝗜𝗝𝗞𝗟𝗠𝗡𝗢𝗣𝗤𝗥𝗦𝗧𝗨𝗩𝗪𝗫𝗬𝗭𝗮𝗯𝗰𝗱𝗲𝗳𝗴𝗵𝗶𝗷𝗸𝗹𝗺𝗻𝗼𝗽𝗾𝗿𝘀𝘁𝘂𝘃𝘄𝘅𝘆𝘇𝟬𝟭𝟮𝟯𝟰𝟱𝟲𝟳𝟴𝟵",
};

/// Mathematical sans-serif italic.
pub(super) const SANS_ITALIC: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "𝘈𝘉𝘊𝘋𝘌𝘍𝘎𝘏𝘐𝘑𝘒𝘓𝘔𝘕𝘖𝘗𝘘𝘙𝘚𝘛𝘜𝘝𝘞𝘟𝘠𝘡𝘢𝘣𝘤𝘥𝘦𝘧𝘨𝘩𝘪𝘫𝘬𝘭𝘮𝘯𝘰𝘱𝘲𝘳𝘴𝘵𝘶𝘷𝘸𝘹𝘺𝘻",
};

/// Mathematical sans-serif bold italic.
pub(super) const SANS_BOLD_ITALIC: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "𝘼𝘽𝘾𝘿𝙀𝙁𝙂𝙃𝙄𝙅𝙆𝙇𝙈𝙉𝙊𝙋𝙌𝙍𝙎𝙏𝙐𝙑𝙒𝙓𝙔𝙕𝙖𝙗𝙘𝙙𝙚𝙛𝙜𝙝𝙞𝙟𝙠𝙡𝙢𝙣𝙤𝙥𝙦𝙧𝙨𝙩𝙪𝙫𝙬𝙭𝙮𝙯",
};

/// Mathematical monospace.
pub(super) const MONOSPACE: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
    to: "𝙰𝙱𝙲𝙳𝙴𝙵𝙶𝙷𝙸𝙹𝙺𝙻𝙼𝙽𝙾𝙿𝚀𝚁𝚂𝚃𝚄𝚅𝚆𝚇𝚈𝚉𝚊𝚋𝚌𝚍𝚎𝚏𝚐𝚑𝚒𝚓𝚔𝚕𝚖𝚗𝚘𝚙𝚚𝚛𝚜𝚝𝚞𝚟𝚠𝚡𝚢𝚣𝟶𝟷𝟸𝟹𝟺𝟻𝟼𝟽𝟾𝟿",
};

/// Small capitals; x has none.
pub(super) const SMALL_CAPS: Alphabet = Alphabet {
    from: "abcdefghijklmnopqrstuvwyz", to: "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢ"
};

/// Superscripts and modifier letters.
pub(super) const SUPERSCRIPT: Alphabet = Alphabet {
    from: "0123456789+-=()abcdefghijklmnopqrstuvwxyzABDEGHIJKLMNOPRTUVWCFQ",
    to: "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖ𐞥ʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂꟲꟳꟴ",
};

/// Subscripts; most capitals have none.
pub(super) const SUBSCRIPT: Alphabet = Alphabet {
    from: "0123456789+-=()aehijklmnoprstuvx",
    to: "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ",
};

/// Circled letters and digits.
pub(super) const CIRCLED: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz1234567890",
    to: "ⒶⒷⒸⒹⒺⒻⒼⒽⒾⒿⓀⓁⓂⓃⓄⓅⓆⓇⓈⓉⓊⓋⓌⓍⓎⓏⓐⓑⓒⓓⓔⓕⓖⓗⓘⓙⓚⓛⓜⓝⓞⓟⓠⓡⓢⓣⓤⓥⓦⓧⓨⓩ①②③④⑤⑥⑦⑧⑨⓪",
};

/// White on black circles; one case.
pub(super) const CIRCLED_BLACK: Alphabet = Alphabet {
    from: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    to: "🅐🅑🅒🅓🅔🅕🅖🅗🅘🅙🅚🅛🅜🅝🅞🅟🅠🅡🅢🅣🅤🅥🅦🅧🅨🅩🅐🅑🅒🅓🅔🅕🅖🅗🅘🅙🅚🅛🅜🅝🅞🅟🅠🅡🅢🅣🅤🅥🅦🅧🅨🅩",
};

/// Squared letters; one case.
pub(super) const SQUARED: Alphabet = Alphabet {
    from: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    to: "🄰🄱🄲🄳🄴🄵🄶🄷🄸🄹🄺🄻🄼🄽🄾🄿🅀🅁🅂🅃🅄🅅🅆🅇🅈🅉🄰🄱🄲🄳🄴🄵🄶🄷🄸🄹🄺🄻🄼🄽🄾🄿🅀🅁🅂🅃🅄🅅🅆🅇🅈🅉",
};

/// White on black squares; one case.
pub(super) const SQUARED_BLACK: Alphabet = Alphabet {
    from: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    to: "🅰🅱🅲🅳🅴🅵🅶🅷🅸🅹🅺🅻🅼🅽🅾🅿🆀🆁🆂🆃🆄🆅🆆🆇🆈🆉🅰🅱🅲🅳🅴🅵🅶🅷🅸🅹🅺🅻🅼🅽🅾🅿🆀🆁🆂🆃🆄🆅🆆🆇🆈🆉",
};

/// Letters and digits in parentheses.
pub(super) const PARENTHESISED: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz123456789",
    to: "🄐🄑🄒🄓🄔🄕🄖🄗🄘🄙🄚🄛🄜🄝🄞🄟🄠🄡🄢🄣🄤🄥🄦🄧🄨🄩⒜⒝⒞⒟⒠⒡⒢⒣⒤⒥⒦⒧⒨⒩⒪⒫⒬⒭⒮⒯⒰⒱⒲⒳⒴⒵⑴⑵⑶⑷⑸⑹⑺⑻⑼",
};

/// Turned by half a circle.
pub(super) const UPSIDE_DOWN: Alphabet = Alphabet {
    from: "abcdefghijkmnpqrtuvwyABCDEFGJKLMPRTUVWY12345679.?!()[]<>{}&_;",
    to: "ɐqɔpǝɟƃɥᴉɾʞɯudbɹʇnʌʍʎ∀ᗺƆᗡƎℲ⅁ſꓘ⅂WԀᴚ⊥∩ΛM⅄ƖᄅƐㄣϛ9ㄥ6˙¿¡)(][><}{⅋‾؛",
};

/// Mirrored.
pub(super) const MIRROR: Alphabet = Alphabet {
    from: "abcdefghjkpqrstBCDEFGJKLNPQRS?()[]<>{}/\\",
    to: "ɒdɔbɘʇǫʜꞁʞqpɿƨƚᙠƆᗡƎꟻᎮႱ⋊⅃ИꟼỌЯƧ⸮)(][><}{\\/",
};

/// Cyrillic letters that look like Latin ones.
pub(super) const CYRILLIC_LIKE: Alphabet = Alphabet {
    from: "acdehijlopqswxyABCEHIJKMOPSTXY",
    to: "асԁеһіјӏорԛѕԝхуАВСЕНІЈКМОРЅТХУ",
};

/// Greek letters that look like Latin ones.
pub(super) const GREEK_LIKE: Alphabet =
    Alphabet { from: "aikopuvwxynABEHIKMNOPTXYZ", to: "αικορυνωχγηΑΒΕΗΙΚΜΝΟΡΤΧΥΖ" };

/// Cherokee letters that look like Latin capitals; one case.
pub(super) const CHEROKEE_LIKE: Alphabet = Alphabet {
    from: "abcdeghijklmprstvwyzABCDEGHIJKLMPRSTVWYZ",
    to: "ᎪᏴᏟᎠᎬᏀᎻᏆᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᎽᏃᎪᏴᏟᎠᎬᏀᎻᏆᎫᏦᏞᎷᏢᏒᏚᎢᏙᎳᎽᏃ",
};

/// Cyrillic letters of a like shape and another sound.
pub(super) const FAUX_CYRILLIC: Alphabet =
    Alphabet { from: "ABENORUWXYZabenoruwxyz", to: "ДБЭИФЯЦШЖЧЗдбэифяцшжчз" };

/// Insular letters of medieval manuscripts.
pub(super) const INSULAR: Alphabet = Alphabet { from: "DFGRSTdfgrst", to: "ꝹꝻꝽꞂꞄꞆꝺꝼᵹꞃꞅꞇ" };

/// Currency signs and crossed letters; one case.
pub(super) const CURRENCY: Alphabet = Alphabet {
    from: "abcdefghiklmnoprstuwxyzABCDEFGHIKLMNOPRSTUWXYZ",
    to: "₳฿₵ĐɆ₣₲Ⱨł₭Ⱡ₥₦Ø₱Ɽ₴₮Ʉ₩ӾɎⱫ₳฿₵ĐɆ₣₲Ⱨł₭Ⱡ₥₦Ø₱Ɽ₴₮Ʉ₩ӾɎⱫ",
};

/// The signs of the Wingdings font by their letters.
pub(super) const WINGDINGS: Alphabet = Alphabet {
    from: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    to: "✌👌👍👎☜☞☝☟🖐☺😐☹💣☠🏳🏱✈☼💧❄🕆✞🕈✠✡☪♋♌♍♎♏♐♑♒♓🙰🙵●🔾■□🞐❑❒⬧⧫◆❖⬥⌧⮹⌘",
};

/// Elder Futhark by sound: C, K and Q are one, V and W, J and Y; one case.
pub(super) const RUNES: Alphabet = Alphabet {
    from: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    to: "ᚨᛒᚲᛞᛖᚠᚷᚺᛁᛃᚲᛚᛗᚾᛟᛈᚲᚱᛋᛏᚢᚹᚹᛪᛃᛉᚨᛒᚲᛞᛖᚠᚷᚺᛁᛃᚲᛚᛗᚾᛟᛈᚲᚱᛋᛏᚢᚹᚹᛪᛃᛉ",
};

/// Gothic by transliteration, hwair as V; one case.
pub(super) const GOTHIC: Alphabet = Alphabet {
    from: "abgdeqzhiklmnjuprstwfxvoABGDEQZHIKLMNJUPRSTWFXVO",
    to: "𐌰𐌱𐌲𐌳𐌴𐌵𐌶𐌷𐌹𐌺𐌻𐌼𐌽𐌾𐌿𐍀𐍂𐍃𐍄𐍅𐍆𐍇𐍈𐍉𐌰𐌱𐌲𐌳𐌴𐌵𐌶𐌷𐌹𐌺𐌻𐌼𐌽𐌾𐌿𐍀𐍂𐍃𐍄𐍅𐍆𐍇𐍈𐍉",
};

/// Beta Code; V has no letter.
pub(super) const BETA_CODE: Alphabet = Alphabet {
    from: "abcdefghijklmnopqrstuwxyzABCDEFGHIKLMNOPQRSTUWXYZ",
    to: "αβξδεϝγηιςκλμνοπθρστυωχψζΑΒΞΔΕϜΓΗΙΚΛΜΝΟΠΘΡΣΤΥΩΧΨΖ",
};

/// The phonetic Russian keyboard ЯВЕРТЫ.
pub(super) const PHONETIC_CYRILLIC: Alphabet = Alphabet {
    from: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    to: "абцдефгхийклмнопярстужвьызАБЦДЕФГХИЙКЛМНОПЯРСТУЖВЬЫЗ",
};

/// Uniliteral hieroglyphs by sound; one case.
pub(super) const HIEROGLYPHS: Alphabet = Alphabet {
    from: "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
    to: "𓄿𓃀𓎡𓂧𓇋𓆑𓎼𓉔𓇋𓆓𓎡𓃭𓅓𓈖𓍯𓊪𓈎𓂋𓋴𓏏𓅱𓆑𓅱𓐍𓇌𓊃𓄿𓃀𓎡𓂧𓇋𓆑𓎼𓉔𓇋𓆓𓎡𓃭𓅓𓈖𓍯𓊪𓈎𓂋𓋴𓏏𓅱𓆑𓅱𓐍𓇌𓊃",
};

/// ASCII and its full-width forms.
pub(super) const WIDE: Alphabet = Alphabet {
    from: "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~",
    to: "！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～",
};

/// Full-width ASCII and katakana, and their half-width forms.
pub(super) const HALF: Alphabet = Alphabet {
    from: "！＂＃＄％＆＇（）＊＋，－．／０１２３４５６７８９：；＜＝＞？＠ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ［＼］＾＿｀ａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ｛｜｝～。「」、・ヲァィゥェォャュョッーアイウエオカキクケコサシスセソタチツテトナニヌネノハヒフヘホマミムメモヤユヨラリルレロワン",
    to: "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~｡｢｣､･ｦｧｨｩｪｫｬｭｮｯｰｱｲｳｴｵｶｷｸｹｺｻｼｽｾｿﾀﾁﾂﾃﾄﾅﾆﾇﾈﾉﾊﾋﾌﾍﾎﾏﾐﾑﾒﾓﾔﾕﾖﾗﾘﾙﾚﾛﾜﾝ",
};
