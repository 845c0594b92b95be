//! Sound that the tests make, and the plainest files that hold it: WAV, and FLAC with verbatim subframes.

/// Seconds of a chord that changes, with a drum beat and some hiss: enough like music for the whole line to take it as
/// such. Another `seed` is another tune. 16-bit mono.
pub fn tune(seed: u32, sample_rate: u32, seconds: f64) -> Vec<i16> {
    let length = (seconds * f64::from(sample_rate)) as usize;
    let mut noise = seed.wrapping_mul(2_654_435_761).wrapping_add(1);
    let mut hiss = move || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(noise >> 8) / f64::from(1 << 23) - 1.0
    };
    let root = 110.0 * 2f64.powf(f64::from(seed % 12) / 12.0);
    let chord = [0.0, 4.0, 7.0, 12.0];
    let sample = |i: usize| {
        let t = i as f64 / f64::from(sample_rate);
        let step = [0.0, 5.0, 7.0, 3.0][(t / 1.5) as usize % 4];
        let tones = chord.iter().map(|semitone| {
            let frequency = root * 2f64.powf((semitone + step) / 12.0);
            (std::f64::consts::TAU * frequency * t).sin()
        });
        let beat = t % 0.5;
        let drum = (-beat * 30.0).exp() * hiss();
        0.12 * tones.sum::<f64>() + 0.3 * drum + 0.01 * hiss()
    };
    let mut sample = sample;
    (0..length).map(|i| (sample(i) * 32767.0).clamp(-32768.0, 32767.0) as i16).collect()
}

/// A mono 16-bit WAV file.
pub fn wav(samples: &[i16], sample_rate: u32) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(sample_rate.to_le_bytes());
    file.extend((sample_rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

/// A mono 16-bit FLAC file: a STREAMINFO block, the given further metadata blocks (type and body), verbatim subframes.
pub fn flac(samples: &[i16], sample_rate: u32, blocks: &[(u8, Vec<u8>)]) -> Vec<u8> {
    const BLOCK: usize = 4096;
    let mut info = Vec::new();
    info.extend((BLOCK as u16).to_be_bytes());
    info.extend((BLOCK as u16).to_be_bytes());
    info.extend([0; 6]);
    let packed = u64::from(sample_rate) << 44 | 15 << 36 | samples.len() as u64;
    info.extend(packed.to_be_bytes());
    info.extend([0; 16]);
    let mut file = b"fLaC".to_vec();
    let all: Vec<(u8, &[u8])> =
        std::iter::once((0, &info[..])).chain(blocks.iter().map(|(t, b)| (*t, &b[..]))).collect();
    for (index, (kind, body)) in all.iter().enumerate() {
        let last = if index + 1 == all.len() { 0x80 } else { 0 };
        file.push(kind | last);
        file.extend(&(body.len() as u32).to_be_bytes()[1..]);
        file.extend(*body);
    }
    for (number, block) in samples.chunks(BLOCK).enumerate() {
        // Fixed block size, 16-bit size at the end of the header, rate from STREAMINFO, mono, 16 bits.
        let mut frame = vec![0xff, 0xf8, 0x70, 0x08];
        frame.extend(char::from_u32(number as u32).unwrap().to_string().into_bytes());
        frame.extend((block.len() as u16 - 1).to_be_bytes());
        frame.push(crc(&frame, 8, 0x07) as u8);
        frame.push(0x02);
        frame.extend(block.iter().flat_map(|s| s.to_be_bytes()));
        frame.extend((crc(&frame, 16, 0x8005) as u16).to_be_bytes());
        file.extend(frame);
    }
    file
}

fn crc(bytes: &[u8], width: u32, polynomial: u32) -> u32 {
    let (top, mask) = (1 << (width - 1), (1u64 << width) as u32 - 1);
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << (width - 8), |crc: u32, _| {
            (if crc & top != 0 { crc << 1 ^ polynomial } else { crc << 1 }) & mask
        })
    })
}

/// A VORBIS_COMMENT block: vendor and `NAME=value` comments.
pub fn vorbis_comment(comments: &[&str]) -> (u8, Vec<u8>) {
    let mut body = Vec::new();
    let mut push = |text: &str| {
        body.extend((text.len() as u32).to_le_bytes());
        body.extend(text.as_bytes());
    };
    push("reclassd tests");
    let mut list = Vec::new();
    list.extend((comments.len() as u32).to_le_bytes());
    for comment in comments {
        list.extend((comment.len() as u32).to_le_bytes());
        list.extend(comment.as_bytes());
    }
    body.extend(list);
    (4, body)
}
