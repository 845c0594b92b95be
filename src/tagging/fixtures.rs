//! Files for tests, made byte by byte: real silent audio with tags of any shape around it.

#![allow(dead_code, missing_docs)]

/// A silent frame of MPEG-1 layer III, 128 kbit/s, 44.1 kHz: no side information, no bits used.
pub fn mpeg_frames(count: usize) -> Vec<u8> {
    let mut frame = vec![0xff, 0xfb, 0x90, 0xc4];
    frame.resize(417, 0);
    frame.repeat(count)
}

pub fn synchsafe(value: usize) -> [u8; 4] {
    [21, 14, 7, 0].map(|shift| (value >> shift & 0x7f) as u8)
}

/// A zero behind every 0xFF that needs one.
pub fn unsynchronised(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, &byte) in bytes.iter().enumerate() {
        out.push(byte);
        if byte == 0xff && bytes.get(index + 1).is_none_or(|&next| next == 0 || next >= 0xe0) {
            out.push(0);
        }
    }
    out
}

/// A frame of ID3v2.`version`; the flags are nothing in 2.2.
pub fn frame(version: u8, id: &str, flags: [u8; 2], body: &[u8]) -> Vec<u8> {
    let mut out = id.as_bytes().to_vec();
    match version {
        2 => out.extend(&(body.len() as u32).to_be_bytes()[1..]),
        3 => out.extend((body.len() as u32).to_be_bytes()),
        _ => out.extend(synchsafe(body.len())),
    }
    if version > 2 {
        out.extend(flags);
    }
    out.extend(body);
    out
}

/// A Latin-1 text frame.
pub fn text(version: u8, id: &str, value: &str) -> Vec<u8> {
    let body: Vec<u8> = std::iter::once(0).chain(value.bytes()).collect();
    frame(version, id, [0, 0], &body)
}

/// A whole tag. With flag 0x80 the body of 2.2 and 2.3 is unsynchronised; with 0x10, 2.4 gets a footer.
pub fn id3v2(version: u8, flags: u8, body: &[u8], padding: usize) -> Vec<u8> {
    let mut body = body.to_vec();
    if flags & 0x80 != 0 && version < 4 {
        body = unsynchronised(&body);
    }
    body.resize(body.len() + padding, 0);
    let mut head = vec![version, 0, flags];
    head.extend(synchsafe(body.len()));
    let mut out = b"ID3".to_vec();
    out.extend(&head);
    out.extend(body);
    if version == 4 && flags & 0x10 != 0 {
        out.extend(b"3DI");
        out.extend(head);
    }
    out
}

pub fn id3v1(genre: u8) -> Vec<u8> {
    let mut out = b"TAGOld title".to_vec();
    out.resize(127, 0);
    out.push(genre);
    out
}

pub fn ape_item(key: &str, value: &[u8], flags: u32) -> Vec<u8> {
    let mut out = (value.len() as u32).to_le_bytes().to_vec();
    out.extend(flags.to_le_bytes());
    out.extend(key.as_bytes());
    out.push(0);
    out.extend(value);
    out
}

pub fn ape_tag(items: &[Vec<u8>]) -> Vec<u8> {
    let body = items.concat();
    let end = |flags: u32| {
        let mut out = b"APETAGEX".to_vec();
        for number in [2000, body.len() as u32 + 32, items.len() as u32, flags] {
            out.extend(number.to_le_bytes());
        }
        out.extend([0; 8]);
        out
    };
    [end(0xa000_0000), body.clone(), end(0x8000_0000)].concat()
}

fn crc(bytes: &[u8], polynomial: u32, bits: u32) -> u32 {
    let top = 1 << (bits - 1);
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ (u32::from(byte) << (bits - 8)), |crc: u32, _| {
            (if crc & top != 0 { (crc << 1) ^ polynomial } else { crc << 1 }) & ((top << 1) - 1)
        })
    })
}

/// `count` FLAC frames of 256 silent samples, mono, 16 bits.
pub fn flac_frames(count: u8) -> Vec<u8> {
    let mut out = Vec::new();
    for number in 0..count.min(127) {
        // 8 bits of block size follow; rate and sample size stand in STREAMINFO.
        let mut frame = vec![0xff, 0xf8, 0x60, 0x00, number, 255];
        frame.push(crc(&frame, 0x07, 8) as u8);
        // A constant subframe: zero.
        frame.extend([0, 0, 0]);
        let check = crc(&frame, 0x8005, 16);
        frame.extend((check as u16).to_be_bytes());
        out.extend(frame);
    }
    out
}

/// STREAMINFO for [`flac_frames`]: 44.1 kHz, mono, 16 bits, blocks of 256.
pub fn streaminfo(frames: u8) -> (u8, Vec<u8>) {
    let mut body = vec![1, 0, 1, 0, 0, 0, 0, 0, 0, 0];
    let packed = (44_100u64 << 44) | (15 << 36) | (u64::from(frames) * 256);
    body.extend(packed.to_be_bytes());
    body.extend([0; 16]);
    (0, body)
}

pub fn flac_blocks(blocks: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = b"fLaC".to_vec();
    for (index, (kind, body)) in blocks.iter().enumerate() {
        let last = if index + 1 == blocks.len() { 0x80 } else { 0 };
        out.push(kind | last);
        out.extend(&(body.len() as u32).to_be_bytes()[1..]);
        out.extend(body);
    }
    out
}

pub fn flac(blocks: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let all: Vec<_> = std::iter::once(streaminfo(8)).chain(blocks.iter().cloned()).collect();
    [flac_blocks(&all), flac_frames(8)].concat()
}

pub fn comments(entries: &[&[u8]]) -> (u8, Vec<u8>) {
    let mut body = b"\x07\0\0\0encoder".to_vec();
    body.extend((entries.len() as u32).to_le_bytes());
    for entry in entries {
        body.extend((entry.len() as u32).to_le_bytes());
        body.extend(*entry);
    }
    (4, body)
}
