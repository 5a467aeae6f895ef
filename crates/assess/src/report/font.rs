//! A font of the system that has Chinese characters.

use std::path::{Path, PathBuf};

/// File names from best to least. Variable CFF2 fonts cannot be embedded and are not among them.
const NAMES: &[&str] = &[
    "SourceHanSansSC-Regular.otf",
    "SourceHanSansCN-Regular.otf",
    "NotoSansSC-Regular.otf",
    "NotoSansSC-Regular.ttf",
    "NotoSansCJKsc-Regular.otf",
    "NotoSansCJK-Regular.ttc",
    "SourceHanSans-Regular.ttc",
    "SourceHanSans.ttc",
    "msyh.ttc",
    "simhei.ttf",
    "simsun.ttc",
    "Deng.ttf",
    "STHeiti Light.ttc",
    "STHeiti Medium.ttc",
    "Hiragino Sans GB.ttc",
    "Songti.ttc",
    "Arial Unicode.ttf",
    "wqy-microhei.ttc",
    "wqy-zenhei.ttc",
    "DroidSansFallbackFull.ttf",
    "DroidSansFallback.ttf",
    "uming.ttc",
    "ukai.ttc",
];
/// Folders below the root that are searched, and how deep.
const DEPTH: usize = 5;

/// The folders that fonts are in on Linux, macOS and Windows.
fn folders() -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = [
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        "/System/Library/Fonts",
        "/System/Library/AssetsV2",
        "/Library/Fonts",
    ]
    .iter()
    .map(PathBuf::from)
    .collect();
    if let Some(home) = std::env::var_os("HOME").map(PathBuf::from) {
        out.extend([".local/share/fonts", ".fonts", "Library/Fonts"].map(|folder| home.join(folder)));
    }
    if let Some(windows) = std::env::var_os("WINDIR").map(PathBuf::from) {
        out.push(windows.join("Fonts"));
    }
    if let Some(local) = std::env::var_os("LOCALAPPDATA").map(PathBuf::from) {
        out.push(local.join("Microsoft/Windows/Fonts"));
    }
    out
}

/// A font with Chinese characters in the usual folders of the system, by its file name. None where there is none: the
/// PDF is then drawn with the built-in font.
#[must_use]
pub fn find_font() -> Option<PathBuf> {
    find_in(&folders())
}

fn find_in(folders: &[PathBuf]) -> Option<PathBuf> {
    let mut best: Option<(usize, PathBuf)> = None;
    for folder in folders {
        search(folder, DEPTH, &mut best);
    }
    best.map(|(_, path)| path)
}

fn search(folder: &Path, depth: usize, best: &mut Option<(usize, PathBuf)>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            if depth > 0 {
                search(&path, depth - 1, best);
            }
            continue;
        }
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let Some(rank) = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name)) else { continue };
        if best.as_ref().is_none_or(|(found, _)| rank < *found) {
            *best = Some((rank, path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_known_name_is_taken_and_others_are_passed_over() {
        let folder = std::env::temp_dir().join(format!("menshen-fonts-{}", std::process::id()));
        let deep = folder.join("truetype/cjk");
        std::fs::create_dir_all(&deep).unwrap();
        for name in ["SimSun.ttc", "Comic.ttf"] {
            std::fs::write(folder.join(name), b"").unwrap();
        }
        std::fs::write(deep.join("NotoSansSC-Regular.otf"), b"").unwrap();
        let found = find_in(std::slice::from_ref(&folder));
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, Some(deep.join("NotoSansSC-Regular.otf")));
        assert_eq!(find_in(&[folder]), None);
    }
}
