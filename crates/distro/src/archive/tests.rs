//! Archives, good and bad.

use std::io::Write as _;

use flate2::Compression as Level;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::*;

fn header(kind: EntryType, name: &[u8], size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_size(size);
    header.set_mode(0o644);
    // Straight into the field: the methods of `tar` refuse the names that we test.
    header.as_mut_bytes()[..name.len()].copy_from_slice(name);
    header.set_cksum();
    header
}

fn tar(entries: &[(EntryType, &str, &[u8])]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (kind, name, content) in entries {
        builder.append(&header(*kind, name.as_bytes(), content.len() as u64), *content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn file<'a>(name: &'a str, content: &'a [u8]) -> (EntryType, &'a str, &'a [u8]) {
    (EntryType::Regular, name, content)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Level::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

#[track_caller]
fn refuses(bytes: Vec<u8>, expected: &str) {
    let error = Archive::open(bytes).unwrap_err();
    assert!(error.to_string().contains(expected), "expected `{expected}`, got `{error}`");
}

#[test]
fn reads_files_however_they_are_compressed() {
    let plain = tar(&[
        (EntryType::Directory, "./", b""),
        (EntryType::Directory, "./flux/", b""),
        file("./flux/a.yaml", b"a: 1\n"),
        file("flux//b.yaml", b""),
    ]);
    for bytes in [plain.clone(), gzip(&plain), zstd(&plain)] {
        let archive = Archive::open(bytes).unwrap();
        assert_eq!(archive.names().collect::<Vec<_>>(), [("flux/a.yaml", 5), ("flux/b.yaml", 0)]);
        let files = archive.files(|name| name.ends_with("a.yaml")).unwrap();
        assert_eq!(files.into_iter().collect::<Vec<_>>(), [("flux/a.yaml".to_owned(), b"a: 1\n".to_vec())]);
    }
}

#[test]
fn long_names_come_in_two_dialects() {
    let name = format!("flux/{}.yaml", "n".repeat(200));
    let mut gnu = Builder::new(Vec::new());
    let mut empty = Header::new_gnu();
    empty.set_size(0);
    gnu.append_data(&mut empty, &name, io::empty()).unwrap();
    let mut pax = Builder::new(Vec::new());
    pax.append_pax_extensions([("mtime", b"1.5".as_slice()), ("path", name.as_bytes())]).unwrap();
    pax.append(&header(EntryType::Regular, b"short", 0), io::empty()).unwrap();
    for builder in [gnu, pax] {
        let archive = Archive::open(builder.into_inner().unwrap()).unwrap();
        assert_eq!(archive.names().collect::<Vec<_>>(), [(name.as_str(), 0)]);
    }
}

#[test]
fn names_stay_inside() {
    for (name, reason) in [
        ("../a", "leads out"),
        ("a/../../b", "leads out"),
        ("a/..", "leads out"),
        ("/etc/passwd", "absolute"),
        ("a\\b", "backslash"),
        ("a\nb", "control"),
        ("1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", "too deep"),
        (".", "no name for a file"),
    ] {
        refuses(tar(&[file(name, b"")]), reason);
    }
    let mut pax = Builder::new(Vec::new());
    pax.append_pax_extensions([("path", b"../a".as_slice())]).unwrap();
    pax.append(&header(EntryType::Regular, b"a", 0), io::empty()).unwrap();
    refuses(pax.into_inner().unwrap(), "leads out");
    refuses(tar(&[file("a", b""), file("./a", b"")]), "`a` twice");
    let mut builder = Builder::new(Vec::new());
    builder.append(&header(EntryType::Regular, b"\xff", 0), io::empty()).unwrap();
    refuses(builder.into_inner().unwrap(), "not UTF-8");
}

#[test]
fn only_files_and_folders() {
    for (kind, reason) in [
        (EntryType::Symlink, "a symbolic link"),
        (EntryType::Link, "a hard link"),
        (EntryType::Char, "a device"),
        (EntryType::Block, "a device"),
        (EntryType::Fifo, "a pipe"),
        (EntryType::GNUSparse, "a sparse file"),
        (EntryType::new(b'Z'), "of an unknown kind"),
    ] {
        refuses(tar(&[(kind, "a", b"")]), reason);
    }
    for (key, value, reason) in
        [("size", "99999999999", "overrules"), ("GNU.sparse.major", "1", "sparse"), ("GNU.sparse.size", "9", "sparse")]
    {
        let mut pax = Builder::new(Vec::new());
        pax.append_pax_extensions([(key, value.as_bytes())]).unwrap();
        pax.append(&header(EntryType::Regular, b"a", 0), io::empty()).unwrap();
        refuses(pax.into_inner().unwrap(), reason);
    }
}

#[test]
fn limits_hold() {
    let open = |limits| {
        let plain = tar(&[file("a/b", &[7; 3_000]), file("c", b"")]);
        Archive::open_with(plain, limits).map_err(|error| error.to_string())
    };
    let limits = Limits::default();
    assert!(open(limits).is_ok());
    let refused = |limits| open(limits).unwrap_err();
    assert!(refused(Limits { max_file_bytes: 2_999, ..limits }).contains("`a/b` in the archive has 3000 bytes"));
    assert!(refused(Limits { max_bytes: 3_000, ..limits }).contains("unpacks to more than 3000 bytes"));
    assert!(refused(Limits { max_entries: 1, ..limits }).contains("more than 1 entries"));
    assert!(refused(Limits { max_depth: 1, ..limits }).contains("too deep"));
}

#[test]
fn a_size_that_the_archive_does_not_have_is_damage() {
    let mut lying = Builder::new(Vec::new());
    lying.append(&header(EntryType::Regular, b"a", 5_000_000), &b"short"[..]).unwrap();
    refuses(lying.into_inner().unwrap(), "damaged");
}

#[test]
fn one_member_and_nothing_after_it() {
    let plain = tar(&[file("a", b"1")]);
    refuses([gzip(&plain), gzip(&plain)].concat(), "bytes after its end");
    refuses([gzip(&plain), b"x".to_vec()].concat(), "1 bytes after its end");
    refuses([zstd(&plain), zstd(&plain)].concat(), "bytes after its end");
    let mut damaged = gzip(&plain);
    let at = damaged.len() - 6;
    damaged[at] ^= 1;
    refuses(damaged, "damaged");
    refuses(gzip(&plain)[..40].to_vec(), "damaged");
}

#[test]
fn what_is_no_archive_is_refused() {
    for bytes in [&b"<html>not found</html>"[..], b"\x1f\x8b", b"\x28\xb5\x2f\xfd", &[0xff; 512]] {
        refuses(bytes.to_vec(), "damaged");
    }
}

/// The memory of this test process is not measured here; `cargo xtask bench` does that.
#[test]
fn bombs_are_refused_early() {
    let zeros = vec![0; 9 << 20];
    let one = tar(&[file("a", &zeros)]);
    refuses(gzip(&one), "more than 200 times");
    refuses(zstd(&one), "more than 200 times");
    let mut many = Builder::new(Vec::new());
    for at in 0..200_000 {
        many.append(&header(EntryType::Regular, format!("f{at}").as_bytes(), 0), io::empty()).unwrap();
    }
    refuses(gzip(&many.into_inner().unwrap()), "more than");
    let mut long = Builder::new(Vec::new());
    long.append(&header(EntryType::GNULongName, b"././@LongLink", zeros.len() as u64), &zeros[..]).unwrap();
    refuses(long.into_inner().unwrap(), "`header` in the archive has 9437184 bytes");
}
