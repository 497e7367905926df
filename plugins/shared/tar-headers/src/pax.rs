//! The records of PAX headers: `length key=value\n`, where the length counts the whole record.

/// What the records say that changes how an archive is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pax {
    /// Name of the member.
    pub path: Option<Vec<u8>>,
    /// Target of a link.
    pub link: Option<Vec<u8>>,
    /// Bytes of the data.
    pub size: Option<u64>,
    /// A sparse file by the GNU.sparse keys; the map of version 0.
    pub sparse: Option<Sparse>,
    /// The records are broken, or one of the above stands there twice with different values.
    pub broken: bool,
}

/// GNU.sparse keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    /// Bytes of the file once it is laid out.
    pub real_size: Option<u64>,
    /// Version 1: the map stands before the data.
    pub map_in_data: bool,
    /// Version 0: offsets and lengths, one behind the other.
    pub map: Vec<u64>,
}

/// Numbers in a sparse map that are kept; the rest of the file is then not laid out.
const MAP: usize = 1 << 16;

/// Parses records, up to where they break.
pub fn parse(mut data: &[u8]) -> Pax {
    let mut pax = Pax::default();
    // The data may be padded with NUL bytes.
    while data.first().is_some_and(|b| *b != 0) {
        let Some((record, rest)) = record(data) else {
            pax.broken = true;
            break;
        };
        let split = record.iter().position(|b| *b == b'=').and_then(|at| record.split_at_checked(at));
        let Some((key, value)) = split.map(|(key, value)| (key, value.get(1..).unwrap_or_default())) else {
            pax.broken = true;
            break;
        };
        take(&mut pax, key, value);
        data = rest;
    }
    pax
}

/// The first record without its length and line feed, and what follows it.
fn record(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = data.iter().take(20).position(|b| *b == b' ')?;
    let length = usize::try_from(decimal(data.get(..space)?)?).ok()?;
    let record = data.get(space + 1..length)?.strip_suffix(b"\n")?;
    Some((record, data.get(length..)?))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let digits = digits.trim_ascii();
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |n, b| match b {
        b'0'..=b'9' => n.checked_mul(10)?.checked_add(u64::from(b - b'0')),
        _ => None,
    })
}

fn take(pax: &mut Pax, key: &[u8], value: &[u8]) {
    let mut text = |slot: fn(&mut Pax) -> &mut Option<Vec<u8>>| {
        if slot(pax).as_ref().is_some_and(|before| before != value) {
            pax.broken = true;
        }
        *slot(pax) = Some(value.to_vec());
    };
    match key {
        b"path" | b"GNU.sparse.name" => text(|pax| &mut pax.path),
        b"linkpath" => text(|pax| &mut pax.link),
        b"size" => match decimal(value) {
            Some(size) if pax.size.is_none_or(|before| before == size) => pax.size = Some(size),
            _ => pax.broken = true,
        },
        b"GNU.sparse.size" | b"GNU.sparse.realsize" => sparse(pax).real_size = decimal(value),
        b"GNU.sparse.major" => sparse(pax).map_in_data = decimal(value) == Some(1),
        b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => push(pax, value),
        b"GNU.sparse.map" => value.split(|b| *b == b',').for_each(|number| push(pax, number)),
        _ => {}
    }
}

fn sparse(pax: &mut Pax) -> &mut Sparse {
    pax.sparse.get_or_insert_default()
}

fn push(pax: &mut Pax, number: &[u8]) {
    match decimal(number) {
        Some(number) if sparse(pax).map.len() < MAP => sparse(pax).map.push(number),
        _ => pax.broken = true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_up_to_where_they_break() {
        let pax = parse(b"18 path=../../x/y\n12 size=513\n13 linkpath=\n\0\0");
        assert_eq!(pax.path.as_deref(), Some(&b"../../x/y"[..]));
        assert_eq!((pax.size, pax.link.as_deref(), pax.broken), (Some(513), Some(&b""[..]), false));
        for broken in
            [&b"99 path=x\n"[..], b"x path=x\n", b"9 path=x", b"8 path=x\n", b"5 abc\n", b"18446744073709551616 a=b\n"]
        {
            assert!(parse(broken).broken, "{}", broken.escape_ascii());
        }
        assert!(parse(b"9 path=a\n9 path=b\n").broken);
    }

    #[test]
    fn sparse_maps() {
        let pax = parse(b"30 GNU.sparse.map=0,512,1024,5\n30 GNU.sparse.realsize=1048576\n");
        assert!(pax.broken, "the length is one short");
        let pax = parse(b"31 GNU.sparse.map=0,512,1024,5\n31 GNU.sparse.realsize=1048576\n");
        let sparse = pax.sparse.unwrap();
        assert_eq!((sparse.map, sparse.real_size, sparse.map_in_data), (vec![0, 512, 1024, 5], Some(1_048_576), false));
    }
}
