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

/// An ID3v1.1 tag that says everything it can.
pub fn id3v1_full() -> Vec<u8> {
    let mut out = b"TAG".to_vec();
    for (text, length) in [("Title", 30), ("Artist", 30), ("Album", 30), ("1999", 4), ("Note", 28)] {
        out.extend(text.as_bytes());
        out.resize(out.len() + length - text.len(), 0);
    }
    out.extend([0, 7, 255]);
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

/// A tag of version 1: a footer alone.
pub fn ape_tag_v1(items: &[Vec<u8>]) -> Vec<u8> {
    let mut tag = ape_tag(items).split_off(32);
    let at = tag.len() - 24;
    tag[at..at + 4].copy_from_slice(&1000u32.to_le_bytes());
    tag[at + 12..at + 16].fill(0);
    tag
}

fn crc(bytes: &[u8], polynomial: u32, bits: u32) -> u32 {
    let top = 1 << (bits - 1);
    bytes.iter().fold(0, |crc, &byte| {
        (0..8).fold(crc ^ (u32::from(byte) << (bits - 8)), |crc: u32, _| {
            let mask = u32::MAX >> (32 - bits);
            (if crc & top != 0 { (crc << 1) ^ polynomial } else { crc << 1 }) & mask
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

/// An Ogg page with its checksum.
pub fn ogg_page(flags: u8, granule: i64, serial: u32, sequence: u32, lacing: &[u8], body: &[u8]) -> Vec<u8> {
    let mut page = b"OggS\0".to_vec();
    page.push(flags);
    page.extend(granule.to_le_bytes());
    page.extend(serial.to_le_bytes());
    page.extend(sequence.to_le_bytes());
    page.extend([0; 4]);
    page.push(lacing.len() as u8);
    page.extend(lacing);
    page.extend(body);
    let check = crc(&page, 0x04c1_1db7, 32);
    page[22..26].copy_from_slice(&check.to_le_bytes());
    page
}

/// `packets` on pages of up to `segments` segments.
pub fn ogg_lay_out(serial: u32, first_number: u32, packets: &[Vec<u8>], segments: usize) -> Vec<Vec<u8>> {
    let mut lacing = Vec::new();
    for packet in packets {
        lacing.resize(lacing.len() + packet.len() / 255, 255);
        lacing.push((packet.len() % 255) as u8);
    }
    let (mut body, mut pages, mut open) = (packets.concat(), Vec::new(), false);
    for part in lacing.chunks(segments) {
        let rest = body.split_off(part.iter().map(|&lace| usize::from(lace)).sum());
        let granule = if part.iter().any(|&lace| lace < 255) { 0 } else { -1 };
        let number = first_number.wrapping_add(pages.len() as u32);
        pages.push(ogg_page(u8::from(open), granule, serial, number, part, &body));
        open = part.last() == Some(&255);
        body = rest;
    }
    pages
}

/// An Ogg page, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct OggPage {
    pub flags: u8,
    pub granule: i64,
    pub serial: u32,
    pub sequence: u32,
    pub lacing: Vec<u8>,
    pub body: Vec<u8>,
    pub length: usize,
}

/// The pages of a file, each with the right checksum; bytes between them are stepped over.
pub fn ogg_pages(file: &[u8]) -> Vec<OggPage> {
    let (mut pages, mut at) = (Vec::new(), 0);
    while at + 27 <= file.len() {
        let page = &file[at..];
        if !page.starts_with(b"OggS\0") {
            at += 1;
            continue;
        }
        let number = |at: usize| u32::from_le_bytes([page[at], page[at + 1], page[at + 2], page[at + 3]]);
        let lacing = page[27..27 + usize::from(page[26])].to_vec();
        let start = 27 + lacing.len();
        let end = start + lacing.iter().map(|&lace| usize::from(lace)).sum::<usize>();
        let body = page[start..end].to_vec();
        let granule = i64::from(number(6)) | i64::from(number(10)) << 32;
        let (flags, serial, sequence) = (page[5], number(14), number(18));
        assert_eq!(page[..end], ogg_page(flags, granule, serial, sequence, &lacing, &body), "the checksum of a page");
        pages.push(OggPage { flags, granule, serial, sequence, lacing, body, length: end });
        at += end;
    }
    pages
}

/// A chunk with its pad byte.
pub fn chunk(name: &str, body: &[u8], is_big: bool) -> Vec<u8> {
    let size = body.len() as u32;
    let mut out = name.as_bytes().to_vec();
    out.extend(if is_big { size.to_be_bytes() } else { size.to_le_bytes() });
    out.extend(body);
    out.resize(out.len().next_multiple_of(2), 0);
    out
}

fn chunks(chunks: &[(&str, &[u8])], is_big: bool) -> Vec<u8> {
    chunks.iter().flat_map(|(name, body)| chunk(name, body, is_big)).collect()
}

/// PCM, mono, 16 bits, 8 kHz.
fn wav_format() -> Vec<u8> {
    [&[1, 0, 1, 0][..], &8000u32.to_le_bytes(), &16_000u32.to_le_bytes(), &[2, 0, 16, 0]].concat()
}

/// A WAVE file with chunks between its format and its sound, and behind that.
pub fn wav(front: &[(&str, &[u8])], sound: &[u8], back: &[(&str, &[u8])]) -> Vec<u8> {
    let sound = [("data", sound)];
    let body =
        [chunks(&[("fmt ", &wav_format())], false), chunks(front, false), chunks(&sound, false), chunks(back, false)];
    let body = [b"WAVE".to_vec(), body.concat()].concat();
    chunk("RIFF", &body, false)
}

/// The same with 64-bit sizes.
pub fn rf64(sound: &[u8], back: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = wav(&[("ds64", &[0; 28])], sound, back);
    // The ds64 chunk has to be the first.
    file[12..72].rotate_left(24);
    file[..8].copy_from_slice(b"RF64\xff\xff\xff\xff");
    let (form, data) = (file.len() as u64 - 8, sound.len() as u64);
    file[20..28].copy_from_slice(&form.to_le_bytes());
    file[28..36].copy_from_slice(&data.to_le_bytes());
    file[36..44].copy_from_slice(&(data / 2).to_le_bytes());
    file[76..80].copy_from_slice(&[0xff; 4]);
    file
}

/// An AIFF file of 8 kHz, mono, 16 bits.
pub fn aiff(front: &[(&str, &[u8])], sound: &[u8], back: &[(&str, &[u8])]) -> Vec<u8> {
    let frames = (sound.len() / 2) as u32;
    let common = [&[0, 1][..], &frames.to_be_bytes(), &[0, 16, 0x40, 0x0b, 0xfa, 0, 0, 0, 0, 0, 0, 0]].concat();
    let sound = [&[0; 8][..], sound].concat();
    let sound = [("SSND", &sound[..])];
    let body = [chunks(&[("COMM", &common)], true), chunks(front, true), chunks(&sound, true), chunks(back, true)];
    chunk("FORM", &[b"AIFF".to_vec(), body.concat()].concat(), true)
}

/// An MP4 atom.
pub fn atom(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

/// A value of an `ilst` item.
pub fn data_atom(kind: u32, value: &[u8]) -> Vec<u8> {
    atom(b"data", &[&kind.to_be_bytes()[..], &[0; 4], value].concat())
}

/// A `----` item of iTunes.
pub fn freeform(name: &str, values: &[&str]) -> Vec<u8> {
    let mean = atom(b"mean", b"\0\0\0\0com.apple.iTunes");
    let name = atom(b"name", &[&[0; 4], name.as_bytes()].concat());
    let values: Vec<u8> = values.iter().flat_map(|value| data_atom(1, value.as_bytes())).collect();
    atom(b"----", &[mean, name, values].concat())
}

/// `meta` with iTunes' handler in front of `body`.
pub fn mp4_meta(body: &[u8]) -> Vec<u8> {
    let handler = atom(b"hdlr", b"\0\0\0\0\0\0\0\0mdirappl\0\0\0\0\0\0\0\0\0");
    atom(b"meta", &[&[0; 4], &handler[..], body].concat())
}

/// What the `mdat` of [`mp4`] holds.
pub fn mp4_audio() -> Vec<u8> {
    (0..300u32).map(|n| (n * 7) as u8).collect()
}

/// An MP4 file of one track with three chunks of [`mp4_audio`]. `udta` stands at the end of `moov`.
pub fn mp4(udta: &[u8], moov_first: bool, wide: bool) -> Vec<u8> {
    Mp4 { udta: udta.to_vec(), moov_first, wide, ..Mp4::default() }.build()
}

/// What an MP4 file is made of that is not like every other one.
#[derive(Clone)]
pub struct Mp4 {
    /// Body of `ftyp`.
    pub brands: Vec<u8>,
    /// What the track is.
    pub handler: [u8; 4],
    /// Whether a table tells what is in the chunks.
    pub mapped: bool,
    /// Body of the reference to the data, behind `url `.
    pub data: Vec<u8>,
    /// Further atoms in `stbl`.
    pub in_tables: Vec<u8>,
    /// Atoms at the start of `moov`.
    pub in_moov: Vec<u8>,
    /// Atoms at its end.
    pub udta: Vec<u8>,
    pub moov_first: bool,
    /// 64-bit chunk offsets.
    pub wide: bool,
    /// Atoms behind `ftyp`.
    pub front: Vec<u8>,
    /// Atoms right behind `moov`.
    pub behind_moov: Vec<u8>,
    /// Atoms at the end of the file.
    pub back: Vec<u8>,
    pub audio: Vec<u8>,
}

impl Default for Mp4 {
    fn default() -> Self {
        Self {
            brands: b"M4A \0\0\x02\0isomiso2".to_vec(),
            handler: *b"soun",
            mapped: true,
            data: vec![0, 0, 0, 1],
            in_tables: Vec::new(),
            in_moov: Vec::new(),
            udta: Vec::new(),
            moov_first: true,
            wide: false,
            front: Vec::new(),
            behind_moov: Vec::new(),
            back: Vec::new(),
            audio: mp4_audio(),
        }
    }
}

impl Mp4 {
    pub fn build(&self) -> Vec<u8> {
        let front = [atom(b"ftyp", &self.brands), self.front.clone()].concat();
        let mdat = atom(b"mdat", &self.audio);
        let length = self.moov(0).len();
        let start = front.len() + if self.moov_first { length + self.behind_moov.len() } else { 0 } + 8;
        let moov = [self.moov(start as u64), self.behind_moov.clone()].concat();
        let body = if self.moov_first { [moov, mdat] } else { [mdat, moov] };
        [front, body.concat(), self.back.clone()].concat()
    }

    fn moov(&self, start: u64) -> Vec<u8> {
        let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<u8>>();
        let offsets = [start, start + 90, start + 200];
        let table = if self.wide {
            let offsets = offsets.iter().flat_map(|offset| offset.to_be_bytes()).collect();
            atom(b"co64", &[numbers(&[0, 3]), offsets].concat())
        } else {
            atom(b"stco", &[numbers(&[0, 3]), numbers(&offsets.map(|offset| offset as u32))].concat())
        };
        // 16 bits, stereo, 44.1 kHz, ALAC and its cookie.
        let rate = 44_100u32.to_be_bytes();
        let cookie = [&[0, 0, 0, 0, 0, 0, 16, 0, 0, 16, 40, 10, 14, 2, 0, 255][..], &[0; 8], &rate].concat();
        let entry = [
            &[0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0, 0, 0, 0][..],
            &[rate[2], rate[3], 0, 0],
            &atom(b"alac", &cookie),
        ]
        .concat();
        let stsd = atom(b"stsd", &[numbers(&[0, 1]), atom(b"alac", &entry)].concat());
        let stts = atom(b"stts", &numbers(&[0, 1, 3, 29_400]));
        // From the first chunk on one sample a chunk.
        let map: &[u32] = if self.mapped { &[0, 1, 1, 1, 1] } else { &[0, 0] };
        let stsz = atom(b"stsz", &numbers(&[0, 0, 3, 90, 110, 100]));
        let tables = [stsd, stts, atom(b"stsc", &numbers(map)), stsz, table, self.in_tables.clone()].concat();
        let dinf = atom(b"dinf", &atom(b"dref", &[numbers(&[0, 1]), atom(b"url ", &self.data)].concat()));
        let minf = atom(b"minf", &[dinf, atom(b"stbl", &tables)].concat());
        let mdhd = [&[0; 12][..], &numbers(&[44_100, 88_200]), &[0x55, 0xc4, 0, 0]].concat();
        let hdlr = atom(b"hdlr", &[&[0; 8], &self.handler[..], &[0; 13]].concat());
        let trak = atom(b"trak", &atom(b"mdia", &[atom(b"mdhd", &mdhd), hdlr, minf].concat()));
        let mvhd = atom(b"mvhd", &[&[0; 12][..], &numbers(&[44_100, 88_200]), &[0; 80]].concat());
        atom(b"moov", &[mvhd, self.in_moov.clone(), trak, self.udta.clone()].concat())
    }
}

/// A file whose sound goes on in two fragments, with an index of them at its end, whose numbers
/// are `wide`. `base` tells the base offset of a fragment that stands there.
pub fn mp4_fragmented(file: &Mp4, wide: bool, base: impl Fn(u64) -> Option<u64>) -> Vec<u8> {
    let mut bytes = file.build();
    let mut places = Vec::new();
    for number in 0..2u8 {
        let start = bytes.len() as u64;
        places.push(start);
        let header = match base(start) {
            Some(base) => [&[0, 0, 0, 1, 0, 0, 0, 1][..], &base.to_be_bytes()].concat(),
            None => vec![0, 2, 0, 0, 0, 0, 0, 1],
        };
        let track = [atom(b"tfhd", &header), atom(b"trun", &[0; 12])].concat();
        bytes.extend(atom(b"styp", b"msdh\0\0\0\0"));
        let moof = [atom(b"mfhd", &[0, 0, 0, 0, 0, 0, 0, number]), atom(b"traf", &track)].concat();
        bytes.extend([atom(b"moof", &moof), atom(b"mdat", &[number; 50])].concat());
    }
    let mut table = vec![u8::from(wide), 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0x15, 0, 0, 0, 2];
    for place in places {
        let numbers = [7, place].map(|number| number.to_be_bytes()[if wide { 0 } else { 4 }..].to_vec());
        table.extend([numbers.concat(), vec![0; 6]].concat());
    }
    bytes.extend(atom(b"mfra", &[atom(b"tfra", &table), atom(b"mfro", &[0; 8])].concat()));
    bytes
}

/// Two WavPack blocks of 22050 samples each: headers without any data in them.
pub fn wavpack_blocks() -> Vec<u8> {
    let block = |index: u32| {
        let mut block = b"wvpk".to_vec();
        // Length behind this field, version 0x410 with track and index, all samples, place, samples, 16 bits at 44.1
        // kHz.
        block.extend(24u32.to_le_bytes());
        block.extend([0x10, 0x04, 0, 0]);
        for number in [44_100, index, 22_050, 0x0480_1801 | 0x0400_0000, 0] {
            block.extend(u32::to_le_bytes(number));
        }
        block
    };
    [block(0), block(22_050)].concat()
}

/// A silent frame of AAC-LC in ADTS, one channel, 44.1 kHz: one element without a band.
pub fn adts_frames(count: usize) -> Vec<u8> {
    [0xff, 0xf1, 0x50, 0x40, 0x01, 0x7f, 0xfc, 0x00, 0xc8, 0x00, 0x07].repeat(count)
}

/// A stream of True Audio, 44.1 kHz, stereo, 16 bits: its header, the sizes of its two frames, and no sound in them.
pub fn true_audio() -> Vec<u8> {
    let checked = |mut bytes: Vec<u8>| {
        let check = bytes.iter().fold(u32::MAX, |crc, &byte| {
            (0..8).fold(crc ^ u32::from(byte), |crc, _| if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        });
        bytes.extend((!check).to_le_bytes());
        bytes
    };
    let (rate, samples) = (44_100u32.to_le_bytes(), 60_000u32.to_le_bytes());
    let header = checked([&b"TTA1\x01\0\x02\0\x10\0"[..], &rate, &samples].concat());
    let sizes = checked([300u32.to_le_bytes(), 200u32.to_le_bytes()].concat());
    let frames = (0..500u32).map(|n| (n * 7) as u8).collect();
    [header, sizes, frames].concat()
}

/// A stream of TAK: what it tells of itself, 44.1 kHz, stereo, 16 bits, the end of that, and no sound.
pub fn tak() -> Vec<u8> {
    let about = b"\x01\x0d\0\0\x82\x0c\x11\x2b\0\0\x40\x4d\x09\x0a\x8f\x5d\xd6";
    let frames: Vec<u8> = (0..500u32).map(|n| (n * 7) as u8).collect();
    [b"tBaK", &about[..], &[0; 4], b"\xa0\xff", &frames].concat()
}

/// A header of OptimFROG, 44.1 kHz, stereo, 16 bits, and no sound.
pub fn optim_frog() -> Vec<u8> {
    let header = b"OFR \x0f\0\0\0\x88\x58\x01\0\0\0\x03\x01\x44\xac\0\0\x50\0\x33";
    let frames: Vec<u8> = (0..500u32).map(|n| (n * 7) as u8).collect();
    [&header[..], &frames].concat()
}

/// A DSF file of one block a channel, with a tag to which its pointer leads, or none.
pub fn dsf(tag: &[u8]) -> Vec<u8> {
    let sound = [0x69; 8192];
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let chunk = |name: &[u8], body: &[u8]| [name, &(body.len() as u64 + 12).to_le_bytes(), body].concat();
    let format = numbers(&[1, 0, 2, 2, 2_822_400, 1, 4096 * 8, 0, 4096, 0]);
    let body = [chunk(b"fmt ", &format), chunk(b"data", &sound)].concat();
    let end = 28 + body.len() as u64;
    let pointer = if tag.is_empty() { 0 } else { end };
    let head = [end + tag.len() as u64, pointer].map(u64::to_le_bytes).concat();
    [chunk(b"DSD ", &head), body, tag.to_vec()].concat()
}

/// A chunk of DSDIFF with its pad byte.
pub fn dsdiff_chunk(name: &str, body: &[u8]) -> Vec<u8> {
    let mut chunk = [name.as_bytes(), &(body.len() as u64).to_be_bytes(), body].concat();
    chunk.resize(chunk.len().next_multiple_of(2), 0);
    chunk
}

/// A DSDIFF file with chunks in front of its sound and behind it.
pub fn dsdiff(front: &[Vec<u8>], back: &[Vec<u8>]) -> Vec<u8> {
    let properties = [
        b"SND ".to_vec(),
        dsdiff_chunk("FS  ", &2_822_400u32.to_be_bytes()),
        dsdiff_chunk("CHNL", b"\0\x02SLFTSRGT"),
        dsdiff_chunk("CMPR", b"DSD \x0enot compressed\0"),
    ];
    let about = [dsdiff_chunk("FVER", &[1, 5, 0, 0]), dsdiff_chunk("PROP", &properties.concat())];
    let sound = dsdiff_chunk("DSD ", &[0x69; 8192]);
    dsdiff_chunk("FRM8", &[b"DSD ".to_vec(), about.concat(), front.concat(), sound, back.concat()].concat())
}

/// What a DSDIFF file says of itself without an ID3v2 tag.
pub fn dsdiff_texts(title: &str, artist: &str) -> Vec<u8> {
    let text = |name, text: &str| dsdiff_chunk(name, &[&(text.len() as u32).to_be_bytes(), text.as_bytes()].concat());
    dsdiff_chunk("DIIN", &[text("DIAR", artist), text("DITI", title)].concat())
}

/// The GUID of an ASF object, as a file has it.
fn asf_guid(name: &str) -> [u8; 16] {
    let number = match name {
        "header" => 0x75b2_2630_668e_11cf_a6d9_00aa_0062_ce6c,
        "data" => 0x75b2_2636_668e_11cf_a6d9_00aa_0062_ce6c,
        "file properties" => 0x8cab_dca1_a947_11cf_8ee4_00c0_0c20_5365,
        "stream properties" => 0xb7dc_0791_a9b7_11cf_8ee6_00c0_0c20_5365,
        "sound" => 0xf869_9e40_5b4d_11cf_a8fd_0080_5f5c_442b,
        "no error correction" => 0x20fb_5700_5b55_11cf_a8fd_0080_5f5c_442b,
        "content description" => 0x75b2_2633_668e_11cf_a6d9_00aa_0062_ce6c,
        "extended content" => 0xd2d0_a440_e307_11d2_97f0_00a0_c95e_a850,
        "extension" => 0x5fbf_03b5_a92e_11cf_8ee3_00c0_0c20_5365,
        "in extension" => 0xabd3_d211_a9ba_11cf_8ee6_00c0_0c20_5365,
        "library" => 0x4423_1c94_9498_49d1_a141_1d13_4e45_7054,
        "padding" => 0x1806_d474_cadf_4509_a4ba_9aab_cb96_aae8,
        "encryption" => 0x2211_b3fb_bd23_11d2_b4b7_00a0_c955_fc6e,
        "index" => 0x3300_0890_e5b1_11cf_89f4_00a0_c903_49cb,
        _ => 0u128,
    };
    let mut guid = number.to_be_bytes();
    guid[..4].reverse();
    guid[4..6].reverse();
    guid[6..8].reverse();
    guid
}

/// An ASF object by the name of its kind.
pub fn asf_object(name: &str, body: &[u8]) -> Vec<u8> {
    [&asf_guid(name)[..], &(body.len() as u64 + 24).to_le_bytes(), body].concat()
}

fn asf_text(text: &str) -> Vec<u8> {
    text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
}

/// An extended content description: names, types (0: text, which the value is) and values.
pub fn asf_content(attributes: &[(&str, u16, &str)]) -> Vec<u8> {
    let mut body = (attributes.len() as u16).to_le_bytes().to_vec();
    for (name, kind, value) in attributes {
        let (name, value) = (asf_text(name), if *kind == 0 { asf_text(value) } else { value.as_bytes().to_vec() });
        body.extend((name.len() as u16).to_le_bytes());
        body.extend(name);
        body.extend(kind.to_le_bytes());
        body.extend((value.len() as u16).to_le_bytes());
        body.extend(value);
    }
    asf_object("extended content", &body)
}

/// A metadata library of texts: names, numbers of streams and values.
pub fn asf_library(attributes: &[(&str, u16, &str)]) -> Vec<u8> {
    let mut body = (attributes.len() as u16).to_le_bytes().to_vec();
    for (name, stream, value) in attributes {
        let (name, value) = (asf_text(name), asf_text(value));
        for number in [0, *stream, name.len() as u16, 0] {
            body.extend(number.to_le_bytes());
        }
        body.extend((value.len() as u32).to_le_bytes());
        body.extend([name, value].concat());
    }
    asf_object("library", &body)
}

/// The extension of a header around these objects.
pub fn asf_extension(objects: &[u8]) -> Vec<u8> {
    let head = [&asf_guid("in extension")[..], &[6, 0], &(objects.len() as u32).to_le_bytes()].concat();
    asf_object("extension", &[&head, objects].concat())
}

/// An ASF file of one stream of Windows Media Audio 2 with these objects in its header, and without a packet that can
/// be decoded.
pub fn asf(objects: &[Vec<u8>]) -> Vec<u8> {
    let numbers = |numbers: &[u32]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let packets: Vec<u8> = (0..600u32).map(|n| (n * 7) as u8).collect();
    let data = [&[9; 16][..], &2u64.to_le_bytes(), &[1, 1], &packets].concat();
    let behind = [asf_object("data", &data), asf_object("index", &[5; 40])].concat();
    let format = [&[0x61, 1, 2, 0][..], &numbers(&[44_100, 16_000]), &[0, 4, 16, 0, 10, 0], &[0; 10]].concat();
    let kinds = [asf_guid("sound"), asf_guid("no error correction")].concat();
    let stream = [&kinds[..], &[0; 8], &numbers(&[format.len() as u32, 0]), &[1, 0, 0, 0, 0, 0], &format].concat();
    let build = |length: u64| {
        let properties = [
            &[9; 16][..],
            &length.to_le_bytes(),
            &[0; 8],
            &2u64.to_le_bytes(),
            &[30_000_000u64, 30_000_000, 0].map(u64::to_le_bytes).concat(),
            &numbers(&[2, 300, 300, 128_000]),
        ]
        .concat();
        let first = [asf_object("file properties", &properties), asf_object("stream properties", &stream)];
        let body = [(2 + objects.len() as u32).to_le_bytes().to_vec(), vec![1, 2], first.concat(), objects.concat()];
        [asf_object("header", &body.concat()), behind.clone()].concat()
    };
    build(build(0).len() as u64)
}

/// An EBML element; its size takes as few bytes as it can.
pub fn ebml(id: u32, body: &[u8]) -> Vec<u8> {
    let width = (1..8).find(|&width| (body.len() as u64) < (1 << (7 * width)) - 1).unwrap_or(8);
    ebml_sized(id, body, width)
}

/// The same, with a size of `width` bytes.
pub fn ebml_sized(id: u32, body: &[u8], width: usize) -> Vec<u8> {
    let id = id.to_be_bytes();
    let size = (body.len() as u64 | 1 << (7 * width)).to_be_bytes();
    [&id[id.iter().take_while(|&&byte| byte == 0).count()..], &size[8 - width..], body].concat()
}

/// Unused space of so many bytes, header included.
pub fn ebml_void(length: usize) -> Vec<u8> {
    if length < 10 { ebml_sized(0xec, &vec![0; length - 2], 1) } else { ebml_sized(0xec, &vec![0; length - 9], 8) }
}

/// A body with its checksum in front.
pub fn with_ebml_crc(body: &[u8]) -> Vec<u8> {
    let bit = |crc: u32| if crc & 1 != 0 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    let crc = !body.iter().fold(u32::MAX, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), |crc, _| bit(crc)));
    [&ebml(0xbf, &crc.to_le_bytes())[..], body].concat()
}

/// A SimpleTag.
pub fn simple_tag(name: &str, value: &str) -> Vec<u8> {
    ebml(0x67c8, &[ebml(0x45a3, name.as_bytes()), ebml(0x4487, value.as_bytes())].concat())
}

/// A Tag of that level, or without one.
pub fn mkv_tag(level: Option<u8>, fields: &[Vec<u8>]) -> Vec<u8> {
    let targets = ebml(0x63c0, &level.map(|level| ebml(0x68ca, &[level])).unwrap_or_default());
    ebml(0x7373, &[targets, fields.concat()].concat())
}

/// The UID of the first track of [`Mkv`].
pub const MKV_TRACK: [u8; 3] = [0x11, 0x22, 0x33];

/// A Matroska file with two clusters.
#[derive(Clone)]
pub struct Mkv {
    pub doc_type: &'static str,
    /// Whether there is a SeekHead, and the unused space behind it.
    pub seek: bool,
    pub void: usize,
    /// Whether the SeekHead has a checksum.
    pub crc: bool,
    /// Types of the tracks: 1 is a film's, 2 is sound.
    pub tracks: Vec<u8>,
    /// Elements in front of the clusters.
    pub front: Vec<Vec<u8>>,
    /// Elements behind them.
    pub back: Vec<Vec<u8>>,
    /// Neither the segment nor the clusters tell how long they are.
    pub live: bool,
}

impl Default for Mkv {
    fn default() -> Self {
        let (front, back) = (Vec::new(), Vec::new());
        Self { doc_type: "matroska", seek: true, void: 90, crc: false, tracks: vec![2], front, back, live: false }
    }
}

impl Mkv {
    pub fn build(&self) -> Vec<u8> {
        let header = ebml(0x1a45_dfa3, &[ebml(0x4282, self.doc_type.as_bytes()), ebml(0x4287, &[4])].concat());
        let entry = |(number, kind): (u8, &u8)| {
            let uid = [MKV_TRACK[0], MKV_TRACK[1], MKV_TRACK[2] + number];
            let parts = [ebml(0xd7, &[number + 1]), ebml(0x73c5, &uid), ebml(0x83, &[*kind]), ebml(0x86, b"A_OPUS")];
            ebml(0xae, &parts.concat())
        };
        let tracks = (0..).zip(&self.tracks).map(entry).collect::<Vec<_>>().concat();
        let mut elements = vec![ebml(0x1549_a966, &ebml(0x2a_d7b1, &[0x0f, 0x42, 0x40])), ebml(0x1654_ae6b, &tracks)];
        elements.extend(self.front.clone());
        for number in 0..2 {
            let blocks: Vec<u8> = (0..3).flat_map(|n| ebml(0xa3, &[0x81, 0, n * 20, 0x80, number, n, 7, 7])).collect();
            let cluster = ebml_sized(0x1f43_b675, &[ebml(0xe7, &[number * 60]), blocks].concat(), 8);
            elements.push(if self.live { without_size(&cluster) } else { cluster });
        }
        elements.extend(self.back.clone());
        let mut segment = self.front_of(&elements);
        segment.extend(elements.concat());
        let segment = ebml_sized(0x1853_8067, &segment, 8);
        [header, if self.live { without_size(&segment) } else { segment }].concat()
    }

    /// The SeekHead, which names all but clusters and unused space, and the space behind it.
    fn front_of(&self, elements: &[Vec<u8>]) -> Vec<u8> {
        let void = if self.void > 0 { ebml_void(self.void) } else { Vec::new() };
        if !self.seek {
            return void;
        }
        let is_named = |element: &&Vec<u8>| element[0] != 0xec && element[..4] != [0x1f, 0x43, 0xb6, 0x75];
        let index = |start: usize| {
            let mut at = start;
            let mut body = Vec::new();
            for element in elements {
                if is_named(&element) {
                    let parts = [ebml(0x53ab, &element[..4]), ebml(0x53ac, &(at as u64).to_be_bytes())];
                    body.extend(ebml(0x4dbb, &parts.concat()));
                }
                at += element.len();
            }
            ebml_sized(0x114d_9b74, &if self.crc { with_ebml_crc(&body) } else { body }, 2)
        };
        [index(index(0).len() + void.len()), void].concat()
    }
}

/// An element with a size of eight bytes that tells nothing any more.
fn without_size(element: &[u8]) -> Vec<u8> {
    let mut element = element.to_vec();
    element[4] = 1;
    element[5..12].fill(0xff);
    element
}
