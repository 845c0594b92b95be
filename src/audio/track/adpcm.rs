//! What has to be known of a block of Microsoft's ADPCM before the decoder gets it: the size of its steps grows with what the block
//! says, threefold at the most, and the decoder computes with it unchecked.

/// Behind this a step times the largest difference is no number of 32 bits any more. Steps of sound have 16 bits.
const LARGEST_STEP: i64 = 1 << 21;

/// By how much, in parts of 256, each difference changes the step.
const GROWTH: [i64; 16] = [230, 230, 230, 230, 307, 409, 512, 614, 768, 614, 512, 409, 307, 230, 230, 230];

/// The smallest step.
const SMALLEST_STEP: i64 = 16;

/// Whether the steps of a packet of whole blocks stay in the range of sound.
pub(super) fn is_sane(packet: &[u8], block: usize, channels: usize) -> bool {
    block > 7 * channels && packet.chunks(block).all(|block| is_sane_block(block, channels))
}

fn is_sane_block(block: &[u8], channels: usize) -> bool {
    let Some((head, sound)) = block.split_at_checked(7 * channels) else { return false };
    // A byte a channel tells the coefficients, then two the first step.
    let mut steps =
        head[channels..3 * channels].chunks(2).map(|step| i64::from(i16::from_le_bytes([step[0], step[1]])));
    let mut left = steps.next().unwrap_or(SMALLEST_STEP);
    let mut right = steps.next();
    sound.iter().all(|&byte| {
        let right = right.as_mut();
        let grow = |step: &mut i64, nibble: u8| {
            *step = (GROWTH[usize::from(nibble)] * *step / 256).max(SMALLEST_STEP);
            *step <= LARGEST_STEP
        };
        match right {
            Some(right) => grow(&mut left, byte >> 4) && grow(right, byte & 15),
            None => grow(&mut left, byte >> 4) && grow(&mut left, byte & 15),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A block with this first step in each channel.
    fn block(step: i16, channels: usize, sound: &[u8]) -> Vec<u8> {
        let mut block = vec![0; channels];
        block.extend(step.to_le_bytes().repeat(channels));
        block.resize(7 * channels, 0);
        block.extend(sound);
        block
    }

    #[test]
    fn steps_that_run_away_are_noticed_before_they_overflow() {
        for channels in [1, 2] {
            let length = 7 * channels + 40;
            for (sound, sane) in [([0x00; 40], true), ([0x33; 40], true), ([0x88; 40], false), ([0x08; 40], false)] {
                let packet = [block(16, channels, &[0; 40]), block(32_767, channels, &sound)].concat();
                assert_eq!(is_sane(&packet, length, channels), sane, "{channels} {sound:?}");
            }
            assert!(!is_sane(&[0; 9], 7 * channels, channels));
        }
    }
}
