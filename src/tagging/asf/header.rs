//! The Header Object of an ASF file (Microsoft, "Advanced Systems Format Specification", 1.20): a list of objects, each
//! a GUID, a length and a body, one of which holds a second such list.
//!
//! It is held in memory and put together again whole. Nothing behind it tells a place in the file, so that it may get
//! longer.

use super::super::error::Refusal;

pub(super) const WHAT: &str = "ASF header";
/// Length of an object's GUID and length.
pub(super) const HEAD: usize = 24;
/// Length of the same of the header, with the number of its objects and two bytes behind.
pub(super) const HEADER_HEAD: usize = 30;
/// Length of what stands in the extension in front of its objects.
const EXTENSION_HEAD: usize = 22;
/// More objects than this are refused.
const MAX_OBJECTS: usize = 1 << 12;

pub(super) type Guid = [u8; 16];

/// A GUID as it is written, in the order of the bytes in a file.
const fn guid(a: u32, b: u16, c: u16, rest: u64) -> Guid {
    let (a, b, c, r) = (a.to_le_bytes(), b.to_le_bytes(), c.to_le_bytes(), rest.to_be_bytes());
    [a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], r[0], r[1], r[2], r[3], r[4], r[5], r[6], r[7]]
}

pub(super) const HEADER: Guid = guid(0x75b2_2630, 0x668e, 0x11cf, 0xa6d9_00aa_0062_ce6c);
pub(super) const DATA: Guid = guid(0x75b2_2636, 0x668e, 0x11cf, 0xa6d9_00aa_0062_ce6c);
pub(super) const FILE_PROPERTIES: Guid = guid(0x8cab_dca1, 0xa947, 0x11cf, 0x8ee4_00c0_0c20_5365);
pub(super) const STREAM_PROPERTIES: Guid = guid(0xb7dc_0791, 0xa9b7, 0x11cf, 0x8ee6_00c0_0c20_5365);
/// The type of a stream of sound, at the start of its properties.
pub(super) const SOUND: Guid = guid(0xf869_9e40, 0x5b4d, 0x11cf, 0xa8fd_0080_5f5c_442b);
const EXTENSION: Guid = guid(0x5fbf_03b5, 0xa92e, 0x11cf, 0x8ee3_00c0_0c20_5365);
pub(super) const EXTENDED_CONTENT: Guid = guid(0xd2d0_a440, 0xe307, 0x11d2, 0x97f0_00a0_c95e_a850);
pub(super) const LIBRARY: Guid = guid(0x4423_1c94, 0x9498, 0x49d1, 0xa141_1d13_4e45_7054);
const PADDING: Guid = guid(0x1806_d474, 0xcadf, 0x4509, 0xa4ba_9aab_cb96_aae8);
/// Objects of protected files: encryption in its three forms, and a signature.
pub(super) const PROTECTION: [Guid; 4] = [
    guid(0x2211_b3fb, 0xbd23, 0x11d2, 0xb4b7_00a0_c955_fc6e),
    guid(0x298a_e614, 0x2622, 0x4c17, 0xb935_dae0_7ee9_289c),
    guid(0x4305_8533, 0x6981, 0x49e6, 0x9b74_ad12_cb86_d58c),
    guid(0x2211_b3fc, 0xbd23, 0x11d2, 0xb4b7_00a0_c955_fc6e),
];

/// An object of the header.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) guid: Guid,
    pub(super) body: Vec<u8>,
}

impl Object {
    /// Free space, that many bytes in all.
    pub(super) fn padding(length: usize) -> Self {
        Self { guid: PADDING, body: vec![0; length.saturating_sub(HEAD)] }
    }

    /// Whether it holds nothing. Padding with something in it is left alone.
    pub(super) fn is_free(&self) -> bool {
        self.guid == PADDING && self.body.iter().all(|&byte| byte == 0)
    }

    /// Whether it is the extension, whose own list tells what is in it.
    pub(super) fn is_extension(&self) -> bool {
        self.guid == EXTENSION
    }

    pub(super) fn len(&self) -> usize {
        HEAD + self.body.len()
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        [&self.guid[..], &(self.len() as u64).to_le_bytes(), &self.body].concat()
    }
}

/// The header, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Header {
    /// The two bytes behind the number of objects.
    reserved: [u8; 2],
    /// The extension among them has no body.
    pub(super) objects: Vec<Object>,
    /// What the extension holds in front of its objects, and these.
    pub(super) extension: Option<([u8; 18], Vec<Object>)>,
}

fn damaged(why: &'static str) -> Refusal {
    Refusal::Damaged { what: WHAT, why }
}

/// The objects that fill `raw`.
fn objects(mut raw: &[u8]) -> Result<Vec<Object>, Refusal> {
    let mut objects = Vec::new();
    while !raw.is_empty() {
        if objects.len() == MAX_OBJECTS {
            return Err(Refusal::Unsupported { what: WHAT, why: "there are too many objects in it" });
        }
        let (guid, behind) = raw.split_first_chunk().ok_or(damaged("bytes follow its last object"))?;
        let (length, _) = behind.split_first_chunk().ok_or(damaged("bytes follow its last object"))?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok().filter(|&length| length >= HEAD);
        let (object, rest) =
            length.and_then(|length| raw.split_at_checked(length)).ok_or(damaged("an object does not fit it"))?;
        objects.push(Object { guid: *guid, body: object[HEAD..].to_vec() });
        raw = rest;
    }
    Ok(objects)
}

impl Header {
    /// Takes `raw`, the whole object, apart.
    pub(super) fn parse(raw: &[u8]) -> Result<Self, Refusal> {
        let (head, rest) = raw.split_at_checked(HEADER_HEAD).ok_or(Refusal::Truncated { what: WHAT })?;
        let mut header = Self { reserved: [head[28], head[29]], objects: objects(rest)?, extension: None };
        let count = u32::from_le_bytes([head[24], head[25], head[26], head[27]]);
        if count as usize != header.objects.len() {
            return Err(damaged("it does not hold as many objects as it says"));
        }
        for once in [FILE_PROPERTIES, EXTENSION, EXTENDED_CONTENT] {
            if header.objects.iter().filter(|object| object.guid == once).count() > 1 {
                return Err(Refusal::Unsupported {
                    what: WHAT,
                    why: "an object that there is once stands there twice",
                });
            }
        }
        if let Some(extension) = header.objects.iter_mut().find(|object| object.guid == EXTENSION) {
            let why = "its extension contradicts itself";
            let body = std::mem::take(&mut extension.body);
            let (head, inner) = body.split_at_checked(EXTENSION_HEAD).ok_or(damaged(why))?;
            let (Some(kept), Some((_, size))) = (head.first_chunk(), head.split_last_chunk()) else {
                return Err(damaged(why));
            };
            if u32::from_le_bytes(*size) as usize != inner.len() {
                return Err(damaged(why));
            }
            header.extension = Some((*kept, objects(inner)?));
        }
        let inner = header.extension.iter().flat_map(|(_, inner)| inner);
        if inner.filter(|object| object.guid == LIBRARY).count() > 1 {
            return Err(Refusal::Unsupported { what: WHAT, why: "there are several metadata libraries in it" });
        }
        Ok(header)
    }

    /// The header as it lies in a file.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Refusal> {
        let too_large = |_| Refusal::TooLarge { what: WHAT, limit: u64::from(u32::MAX) };
        let mut body = Vec::new();
        for object in &self.objects {
            match &self.extension {
                Some((head, inner)) if object.guid == EXTENSION => {
                    let inner: Vec<u8> = inner.iter().flat_map(Object::bytes).collect();
                    let size = u32::try_from(inner.len()).map_err(too_large)?.to_le_bytes();
                    let body_of = [&head[..], &size, &inner].concat();
                    body.extend(Object { guid: EXTENSION, body: body_of }.bytes());
                }
                _ => body.extend(object.bytes()),
            }
        }
        let count = u32::try_from(self.objects.len()).map_err(too_large)?.to_le_bytes();
        let length = ((HEADER_HEAD + body.len()) as u64).to_le_bytes();
        Ok([&HEADER[..], &length, &count, &self.reserved, &body].concat())
    }

    /// How long it is.
    pub(super) fn len(&self) -> usize {
        let inner = self.extension.iter().flat_map(|(_, inner)| inner.iter().map(Object::len)).sum::<usize>();
        let head = if self.extension.is_some() { EXTENSION_HEAD } else { 0 };
        HEADER_HEAD + self.objects.iter().map(Object::len).sum::<usize>() + head + inner
    }

    /// The object of that kind, in the list of the header or in that of its extension.
    pub(super) fn find(&self, guid: Guid) -> Option<&Object> {
        let inner = self.extension.iter().flat_map(|(_, inner)| inner);
        self.objects.iter().chain(inner).find(|object| object.guid == guid)
    }

    pub(super) fn find_mut(&mut self, guid: Guid) -> Option<&mut Object> {
        let inner = self.extension.iter_mut().flat_map(|(_, inner)| inner);
        self.objects.iter_mut().chain(inner).find(|object| object.guid == guid)
    }

    /// The lists of objects, from the outside in.
    pub(super) fn lists(&mut self) -> impl Iterator<Item = &mut Vec<Object>> {
        std::iter::once(&mut self.objects).chain(self.extension.iter_mut().map(|(_, inner)| inner))
    }
}
