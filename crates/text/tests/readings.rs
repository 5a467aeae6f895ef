//! Tight, composed and sounded views, and what a text hides.

use menshen_text::{Folder, Gap, View};

fn folded(text: &str) -> View {
    Folder::shared().fold(text)
}

fn found(view: &View, word: &str, text: &str) -> String {
    let at = view.text.find(word);
    assert!(at.is_some(), "{word} in {}", view.text);
    at.map(|at| view.origin(at..at + word.len()).of(text).to_owned()).unwrap_or_default()
}

#[test]
fn separators_of_every_kind_are_removed() {
    for text in [
        "法轮功",
        "法 轮 功",
        "法*轮*功",
        "法-轮-功",
        "法_轮_功",
        "法.轮.功",
        "法·轮·功",
        "法、轮、功",
        "法/轮\\功",
        "法【轮】功",
        "法🌸轮🌸功",
        "法～轮～功",
        "法\u{3000}轮\u{3000}功",
        "法|轮|功",
        "法~!@#$%^&*()轮+=功",
        "法★轮☆功",
        "法\u{200b}轮\u{2060}功",
        "法\u{2800}轮\u{2800}功",
        "法\n轮\n功",
        "法❤️轮❤️功",
        "法\u{336}轮\u{336}功",
        "𝒇法…轮…功",
        "法 ﹡ 輪 ﹡ 功",
    ] {
        let view = folded(text);
        let tight = Folder::shared().tight(&view).unwrap_or(view);
        assert!(tight.text.ends_with("法轮功"), "{text}: {}", tight.text);
        let at = tight.text.len() - 9;
        assert!(tight.origin(at..at + 9).of(text).starts_with('法'), "{text}");
        assert!(tight.origin(at..at + 9).of(text).ends_with(['功', '\u{336}']), "{text}");
    }
    assert!(Folder::shared().tight(&folded("法轮功abc")).is_none());
    assert_eq!(Folder::shared().tight(&folded(" *!")).unwrap().text, "");
}

#[test]
fn gaps_tell_what_stood_between() {
    let tight = Folder::shared().tight(&folded("甲 乙*丙 * 丁。戊\n己庚？ 辛")).unwrap();
    assert_eq!(tight.text, "甲乙丙丁戊己庚辛");
    let gaps: Vec<Gap> = (0..8).map(|i| tight.gap_before(i * 3)).collect();
    assert_eq!(
        gaps,
        [Gap::None, Gap::Spaces, Gap::Soft, Gap::Mixed, Gap::Sentence, Gap::Sentence, Gap::None, Gap::Sentence]
    );
    let letters = Folder::shared().tight(&folded("b a d")).unwrap();
    assert_eq!((letters.text.as_str(), letters.gap_before(1)), ("bad", Gap::Spaces));
}

#[test]
fn split_characters_are_put_together() {
    let folder = Folder::shared();
    for (text, word) in [
        ("氵去车仑工力", "法轮功"),
        ("强女干犯", "强奸犯"),
        ("火乍弓单", "炸弹"),
        ("⺡去⻋仑工力", "法轮功"),
        ("金戋都给你", "钱都给你"),
        ("贝者博", "赌博"),
        ("扌仓支", "抢支"),
        ("木仓支", "枪支"),
        ("言乍马扁", "诈骗"),
        ("主毋品", "毒品"),
    ] {
        let view = folder.composed(&folded(text)).unwrap_or_else(|| panic!("{text}"));
        assert_eq!(view.text, word);
        assert_eq!(view.origin(0..view.text.len()).of(text), text);
    }
    let text = "买火_乍 弓-单";
    let tight = folder.tight(&folded(text)).unwrap();
    let view = folder.composed(&tight).unwrap();
    assert_eq!(found(&view, "炸弹", text), "火_乍 弓-单");
    assert_eq!(view.gap_before("买炸".len()), Gap::Spaces);
    assert!(folder.composed(&folded("今天天气不错")).is_none());
}

#[test]
fn words_are_found_by_sound() {
    let folder = Folder::shared();
    let word = folder.sound_word("法轮功").unwrap();
    assert_eq!(word.chars().count(), 3);
    for (text, hit) in [
        ("他炼发伦工的", "发伦工"),
        ("他炼 fa lun gong 的", "fa lun gong"),
        ("falungong", "falungong"),
        ("FǍ lún Gōng", "FǍ lún Gōng"),
        ("fa3lun2gong1", "fa3lun2gong1"),
        ("fa'lun'gong", "fa'lun'gong"),
        ("fa-lun-gong", "fa-lun-gong"),
        ("法lun功", "法lun功"),
        ("法 lun 功", "法 lun 功"),
        ("ｆａｌｕｎｇｏｎｇ", "ｆａｌｕｎｇｏｎｇ"),
        ("琺輪攻", "琺輪攻"),
    ] {
        let view = folder.sound(&folded(text)).unwrap();
        assert_eq!(found(&view, &word, text), hit);
    }
    assert!(folder.sound(&folded("xyz 123 !?")).is_none());
    assert!(folder.sound_word("abcd").is_none());
    assert_eq!(folder.sound_word("绿女"), folder.sound_word("lvnv"));
    assert_eq!(folder.sound_word("绿女"), folder.sound_word("lǜnǚ"));
    assert_ne!(folder.sound_word("绿女"), folder.sound_word("路怒"));
    assert_eq!(folder.sound_word("方案"), folder.sound_word("fangan"));
    assert_eq!(folder.sound_word("西安"), folder.sound_word("xi'an"));
    assert_eq!(folder.sound_word("先"), folder.sound_word("xian"));
}

#[test]
fn what_is_not_pinyin_stays() {
    let view = Folder::shared().sound(&folded("中国 http server 42 版")).unwrap();
    assert!(view.text.contains(" http server 42 "), "{}", view.text);
    // Two Han characters with a space between keep it: only spelled syllables are read across spaces.
    let spaced = Folder::shared().sound(&folded("法 轮")).unwrap();
    assert_eq!(spaced.text.chars().nth(1), Some(' '));
}

#[test]
fn private_use_input_cannot_pose_as_sounds() {
    let folder = Folder::shared();
    let word = folder.sound_word("法轮功").unwrap();
    let view = folder.sound(&folded(&format!("中{word}"))).unwrap();
    assert!(!view.text.contains(&word));
    assert!(folder.sound(&folded(&word)).is_none());
}

#[test]
fn readings_follow_one_another() {
    let folder = Folder::shared();
    let text = "發*氵仑*工力";
    let tight = folder.tight(&folded(text)).unwrap();
    let composed = folder.composed(&tight).unwrap();
    let sound = folder.sound(&composed).unwrap();
    assert_eq!(composed.text, "发沦功");
    assert_eq!(found(&sound, &folder.sound_word("法轮功").unwrap(), text), text);
    assert_eq!(sound.gap_before(3), Gap::Soft);
}

#[test]
fn disguises_are_named() {
    let folder = Folder::shared();
    let see = |text: &str| folder.obfuscation(text);
    let text =
        "坏\u{200b}\u{2060}词 \u{202e}abc\u{202c} pаypal 𝐡𝐞𝐥𝐥𝐨 Z\u{301}\u{302}\u{303}\u{304}o \u{e0041}\u{e0042}";
    let seen = see(text);
    assert_eq!(seen.invisible.iter().map(|s| s.of(text)).collect::<Vec<_>>(), ["\u{200b}\u{2060}"]);
    assert_eq!(seen.bidi.len(), 2);
    assert_eq!(seen.homoglyphs.iter().map(|s| s.of(text)).collect::<Vec<_>>(), ["pаypal"]);
    assert_eq!(seen.styled.iter().map(|s| s.of(text)).collect::<Vec<_>>(), ["𝐡𝐞𝐥𝐥𝐨"]);
    assert_eq!(seen.zalgo.iter().map(|s| s.of(text)).collect::<Vec<_>>(), ["Z\u{301}\u{302}\u{303}\u{304}"]);
    assert_eq!(seen.tags.len(), 1);
    assert_eq!(seen.count(), 7);
    assert_eq!(see("раура").homoglyphs.len(), 1);
    assert_eq!(see("ig\u{200b}nоre").homoglyphs.len(), 1);
    assert_eq!(see("😀\u{e0100}\u{e0101}\u{e0102}").invisible.len(), 1);
    assert_eq!(see("a\u{8}b").invisible.len(), 1);
}

#[test]
fn ordinary_writing_is_no_disguise() {
    for text in [
        "普通中文，ＡＢＣ全角１２３。",
        "👨\u{200d}👩\u{200d}👧 ☀\u{fe0f} 1\u{fe0f}\u{20e3} 🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} 🏳\u{fe0f}\u{200d}🌈",
        "می\u{200c}خواهم क्\u{200d}ष שלום\u{200f}!",
        "Привет, как дела? Хорошо, спасибо. Ελληνικά γράμματα και λόγος",
        "\u{feff}带字节顺序标记的文本",
        "葛\u{e0100}城市",
        "naïve café Việt Nam",
        "5 μm, π ≈ 3.14, Δx, σ=1",
    ] {
        let seen = Folder::shared().obfuscation(text);
        assert!(seen.is_empty(), "{text}: {seen:?}");
    }
}
