//! Bytes of the D-Bus protocol (D-Bus specification, "Message Protocol"): what is said to systemd, and what it says.
//!
//! In: texts and [`Value`]s; bytes of a socket. Out: bytes; a [`Message`], or [`Malformed`]. No bytes make it panic, and it knows of D-Bus
//! what the calls in [`super::scope`] need. Little-endian alone: both ends are this machine, and Orlop runs on no other kind.

use super::value::Value;

/// What cannot be a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// The largest message that is read: a connection to systemd itself hears of everything it does, in messages of some kilobytes.
pub(super) const LARGEST: usize = 4 << 20;

/// How many bytes of a message say how long it is.
pub(super) const PREFIX: usize = 16;

const CALL: u8 = 1;
const PATH: u8 = 1;
const INTERFACE: u8 = 2;
const MEMBER: u8 = 3;
const ERROR_NAME: u8 = 4;
const REPLY_SERIAL: u8 = 5;
const DESTINATION: u8 = 6;
const SIGNATURE: u8 = 8;

/// A method and the object that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Method<'m> {
    /// Whom a bus hands it to; on a connection of two there is no doubt.
    pub(super) destination: &'m str,
    pub(super) path: &'m str,
    pub(super) interface: &'m str,
    pub(super) member: &'m str,
}

/// What somebody said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: Kind,
    /// The call that this answers.
    pub(super) reply_to: Option<u32>,
    /// The name of the signal.
    pub(super) member: Option<String>,
    /// The name of the error.
    pub(super) error: Option<String>,
    body: Vec<u8>,
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Call,
    Return,
    Error,
    Signal,
}

/// A call; `routed`: over a bus.
pub(super) fn call(serial: u32, method: &Method<'_>, routed: bool, signature: &str, body: &Writer) -> Vec<u8> {
    let mut message = Writer::default();
    for byte in [b'l', CALL, 0, 1] {
        message.byte(byte);
    }
    message.u32(u32::try_from(body.bytes.len()).unwrap_or(u32::MAX));
    message.u32(serial);
    message.array(8, |fields| {
        fields.field(PATH, "o", method.path);
        fields.field(INTERFACE, "s", method.interface);
        fields.field(MEMBER, "s", method.member);
        if routed {
            fields.field(DESTINATION, "s", method.destination);
        }
        if !signature.is_empty() {
            fields.field(SIGNATURE, "g", signature);
        }
    });
    message.align(8);
    message.bytes.extend_from_slice(&body.bytes);
    message.bytes
}

/// How long the message is that begins with these [`PREFIX`] bytes.
pub(super) fn length(prefix: &[u8]) -> Result<usize, Malformed> {
    let mut prefix = Reader::new(prefix);
    if prefix.byte()? != b'l' {
        return Err(Malformed);
    }
    prefix.at = 4;
    let body = prefix.len()?;
    prefix.at = 12;
    let fields = prefix.len()?;
    let length = PREFIX + fields.next_multiple_of(8) + body;
    if length > LARGEST { Err(Malformed) } else { Ok(length) }
}

/// A whole message.
pub(super) fn decode(bytes: &[u8]) -> Result<Message, Malformed> {
    if length(bytes)? != bytes.len() {
        return Err(Malformed);
    }
    let mut reader = Reader::new(bytes);
    reader.at = 1;
    let kind = match reader.byte()? {
        1 => Kind::Call,
        2 => Kind::Return,
        3 => Kind::Error,
        4 => Kind::Signal,
        _ => return Err(Malformed),
    };
    let mut message = Message { kind, reply_to: None, member: None, error: None, body: Vec::new() };
    reader.at = 12;
    let end = reader.len()? + PREFIX;
    while reader.at < end {
        reader.field(&mut message)?;
    }
    reader.align(8)?;
    message.body = bytes.get(reader.at..).ok_or(Malformed)?.to_vec();
    Ok(message)
}

impl Message {
    /// Reads what it carries.
    pub(super) fn arguments(&self) -> Reader<'_> {
        Reader::new(&self.body)
    }
}

/// Values one after the other, each where the protocol wants it.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A text, or an object path.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes.extend_from_slice(text.as_bytes());
        self.byte(0);
        self
    }

    /// A truth value.
    pub(super) fn truth(&mut self, value: bool) -> &mut Self {
        self.u32(value.into());
        self
    }

    /// An array of elements that lie at multiples of `alignment`.
    pub(super) fn array(&mut self, alignment: usize, elements: impl FnOnce(&mut Self)) -> &mut Self {
        self.u32(0);
        let length_at = self.bytes.len() - 4;
        self.align(alignment);
        let begin = self.bytes.len();
        elements(self);
        let length = u32::try_from(self.bytes.len() - begin).unwrap_or(u32::MAX);
        if let Some(place) = self.bytes.get_mut(length_at..length_at + 4) {
            place.copy_from_slice(&length.to_le_bytes());
        }
        self
    }

    /// A name with its value: `(sv)`.
    pub(super) fn property(&mut self, name: &str, value: &Value) {
        self.align(8);
        self.text(name);
        self.signature(value.signature());
        match value {
            Value::Bool(value) => self.u32((*value).into()),
            Value::I32(value) => self.u32(value.cast_unsigned()),
            Value::U32(value) => self.u32(*value),
            Value::U64(value) => self.u64(*value),
            Value::Text(text) => _ = self.text(text),
            Value::Bytes(bytes) => _ = self.array(1, |array| array.bytes.extend_from_slice(bytes)),
            Value::U32s(numbers) => _ = self.array(4, |array| numbers.iter().for_each(|number| array.u32(*number))),
            Value::Texts(texts) => {
                self.array(4, |array| {
                    for text in texts {
                        array.text(text);
                    }
                });
            }
        }
    }

    fn field(&mut self, code: u8, kind: &str, value: &str) {
        self.align(8);
        self.byte(code);
        self.signature(kind);
        match kind {
            "g" => self.signature(value),
            _ => _ = self.text(value),
        }
    }

    fn signature(&mut self, signature: &str) {
        self.byte(u8::try_from(signature.len()).unwrap_or(u8::MAX));
        self.bytes.extend_from_slice(signature.as_bytes());
        self.byte(0);
    }

    fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    fn u32(&mut self, value: u32) {
        self.align(4);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.align(8);
        self.bytes.extend_from_slice(&value.to_le_bytes());
    }

    fn align(&mut self, alignment: usize) {
        self.bytes.resize(self.bytes.len().next_multiple_of(alignment), 0);
    }
}

/// Reads values one after the other.
#[derive(Clone, Debug)]
pub(super) struct Reader<'m> {
    bytes: &'m [u8],
    at: usize,
}

impl<'m> Reader<'m> {
    fn new(bytes: &'m [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// A text, or an object path.
    pub(super) fn text(&mut self) -> Result<&'m str, Malformed> {
        let length = self.len()?;
        let text = self.take(length)?;
        match self.byte()? {
            0 => std::str::from_utf8(text).map_err(|_not_utf8| Malformed),
            _ => Err(Malformed),
        }
    }

    /// A text of any type: `v` with `s`.
    pub(super) fn any_text(&mut self) -> Result<&'m str, Malformed> {
        match self.signature()? {
            b"s" => self.text(),
            _ => Err(Malformed),
        }
    }

    /// A number.
    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.align(4)?;
        let bytes = self.take(4)?;
        bytes.try_into().map(u32::from_le_bytes).map_err(|_short| Malformed)
    }

    /// A field of the header; those that nobody here asks for are passed over.
    fn field(&mut self, message: &mut Message) -> Result<(), Malformed> {
        self.align(8)?;
        let code = self.byte()?;
        match self.signature()? {
            b"u" => {
                let number = self.u32()?;
                if code == REPLY_SERIAL {
                    message.reply_to = Some(number);
                }
            }
            b"s" | b"o" => {
                let text = self.text()?;
                match code {
                    MEMBER => message.member = Some(text.to_owned()),
                    ERROR_NAME => message.error = Some(text.to_owned()),
                    _ => {}
                }
            }
            b"g" => drop(self.signature()?),
            _ => return Err(Malformed),
        }
        Ok(())
    }

    fn signature(&mut self) -> Result<&'m [u8], Malformed> {
        let length = self.byte()?.into();
        let signature = self.take(length)?;
        match self.byte()? {
            0 => Ok(signature),
            _ => Err(Malformed),
        }
    }

    /// The length of what follows: no more than a message may have.
    fn len(&mut self) -> Result<usize, Malformed> {
        let length = usize::try_from(self.u32()?).map_err(|_wide| Malformed)?;
        if length > LARGEST { Err(Malformed) } else { Ok(length) }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        self.take(1)?.first().copied().ok_or(Malformed)
    }

    fn take(&mut self, length: usize) -> Result<&'m [u8], Malformed> {
        let end = self.at.checked_add(length).ok_or(Malformed)?;
        let taken = self.bytes.get(self.at..end).ok_or(Malformed)?;
        self.at = end;
        Ok(taken)
    }

    fn align(&mut self, alignment: usize) -> Result<(), Malformed> {
        let padding = self.at.next_multiple_of(alignment) - self.at;
        self.take(padding).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GET: Method<'_> =
        Method { destination: "org.example.D", path: "/a/b", interface: "org.example.I", member: "Get" };

    #[test]
    fn a_call_is_what_the_specification_says() {
        let mut body = Writer::default();
        body.text("ab");
        let bytes = call(7, &Method { path: "/", interface: "a.b", member: "M", destination: "" }, false, "s", &body);
        let header = b"l\x01\0\x01\x07\0\0\0\x07\0\0\0\x37\0\0\0";
        let fields = b"\x01\x01o\0\x01\0\0\0/\0\0\0\0\0\0\0\x02\x01s\0\x03\0\0\0a.b\0\0\0\0\0\x03\x01s\0\x01\0\0\0M\0\0\0\0\0\0\0\x08\x01g\0\x01s\0\0";
        assert_eq!(bytes, [&header[..], &fields[..], b"\x02\0\0\0ab\0"].concat());
        assert_eq!(length(&bytes), Ok(bytes.len()));
    }

    #[test]
    fn numbers_lie_at_multiples_of_their_size() {
        let mut body = Writer::default();
        body.array(8, |array| {
            array.property("T", &Value::U64(1));
            array.property("C", &Value::Bytes(vec![3]));
        });
        let t = b"\x01\0\0\0T\0\x01t\0\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0";
        let c = b"\x01\0\0\0C\0\x02ay\0\0\0\x01\0\0\0\x03";
        assert_eq!(body.bytes, [&b"\x29\0\0\0\0\0\0\0"[..], t, c].concat());
    }

    #[test]
    fn a_message_too_long_to_be_one_is_none() {
        assert_eq!(length(b"l\x01\0\x01\xff\xff\xff\xff\x01\0\0\0\0\0\0\0"), Err(Malformed));
        assert_eq!(length(b"B\x01\0\x01\0\0\0\x01\0\0\0\x01\0\0\0\0"), Err(Malformed), "another machine's");
    }

    fn every_kind() -> impl Strategy<Value = Value> {
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i32>().prop_map(Value::I32),
            any::<u32>().prop_map(Value::U32),
            any::<u64>().prop_map(Value::U64),
            ".{0,9}".prop_map(Value::Text),
            proptest::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
            proptest::collection::vec(any::<u32>(), 0..5).prop_map(Value::U32s),
            proptest::collection::vec(".{0,5}", 0..5).prop_map(Value::Texts),
        ]
    }

    /// Reads what `property` wrote, as its signature says.
    fn read(reader: &mut Reader<'_>) -> Result<(String, Value), Malformed> {
        reader.align(8)?;
        let name = reader.text()?.to_owned();
        let array = |reader: &mut Reader<'_>| reader.len().map(|length| reader.at + length);
        let value = match reader.signature()? {
            b"b" => Value::Bool(reader.u32()? == 1),
            b"i" => Value::I32(reader.u32()?.cast_signed()),
            b"u" => Value::U32(reader.u32()?),
            b"t" => {
                reader.align(8)?;
                Value::U64(u64::from_le_bytes(reader.take(8)?.try_into().map_err(|_short| Malformed)?))
            }
            b"s" => Value::Text(reader.text()?.to_owned()),
            b"ay" => {
                let length = reader.len()?;
                Value::Bytes(reader.take(length)?.to_vec())
            }
            b"au" => {
                let end = array(reader)?;
                let mut numbers = Vec::new();
                while reader.at < end {
                    numbers.push(reader.u32()?);
                }
                Value::U32s(numbers)
            }
            b"as" => {
                let end = array(reader)?;
                let mut texts = Vec::new();
                while reader.at < end {
                    texts.push(reader.text()?.to_owned());
                }
                Value::Texts(texts)
            }
            _ => return Err(Malformed),
        };
        Ok((name, value))
    }

    proptest! {
        #[test]
        fn properties_are_read_as_they_were_written(properties in proptest::collection::vec(("[A-Z]{1,9}", every_kind()), 0..6)) {
            let mut body = Writer::default();
            body.text("unit").array(8, |array| properties.iter().for_each(|(name, value)| array.property(name, value)));
            let message = decode(&call(1, &GET, true, "sa(sv)", &body)).unwrap();
            prop_assert_eq!((message.kind, message.member.as_deref()), (Kind::Call, Some("Get")));
            let mut arguments = message.arguments();
            prop_assert_eq!(arguments.text().unwrap(), "unit");
            let length = arguments.len().unwrap();
            arguments.align(8).unwrap();
            prop_assert_eq!(arguments.at + length, message.body.len());
            for property in properties {
                prop_assert_eq!(read(&mut arguments).unwrap(), property);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(length(&bytes).is_ok_and(|length| length <= LARGEST) || length(&bytes).is_err());
            if let Ok(message) = decode(&bytes) {
                let mut arguments = message.arguments();
                prop_assert!(arguments.text().is_err() || arguments.at <= bytes.len());
                prop_assert!(message.arguments().any_text().is_err() || !bytes.is_empty());
            }
        }

        #[test]
        fn no_changed_byte_makes_it_panic(at in 0..120_usize, byte: u8, cut in 0..120_usize) {
            let mut body = Writer::default();
            body.text("unit").text("more");
            let mut bytes = call(1, &GET, true, "ss", &body);
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            let cut = bytes.len().min(cut);
            for bytes in [&bytes[..], &bytes[..cut]] {
                if let Ok(message) = decode(bytes) {
                    let mut arguments = message.arguments();
                    let read = (arguments.text().is_ok(), arguments.u32().is_ok(), arguments.text().is_ok());
                    prop_assert!(arguments.at <= bytes.len(), "{:?}", read);
                }
            }
        }
    }
}
