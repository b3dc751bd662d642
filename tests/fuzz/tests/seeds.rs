//! The seeds of the fuzzer, one input for each named item, made from the project's
//! own tables. `SNAPSHOTS=overwrite cargo test -p psimp-fuzz` writes them.

use object::pe;
use object::write::pe::{NtHeaders, Writer};
use psimp_fuzz::{IMAGE, Request};
use psimp_harness::driver::Source;
use psimp_host::seal;
use psimp_model::{Acl, SecurityDescriptor};
use psimp_model::{MandatoryLabel, sids};
use psimp_nt::{Sid, Status};
use psimp_protocol::{IOCTLS, Ioctl};
use snapbox::assert_data_eq;
use snapbox::data::{Data, DataFormat};
use std::path::Path;

/// The state with a save.
const SAVED: u8 = 5;

/// Length of what is before the input.
const HEAD: usize = 11;

/// A name, and the bytes.
type Seed = (String, Vec<u8>);

/// The example of the operation in a state, with an output buffer that is just large enough. In
/// the state, handle 24 is a token of the server's user, save 1 is the state's save, and
/// connection 1 is the first client's.
fn request(row: &Ioctl, state: u8) -> Vec<u8> {
    let output = u8::try_from(row.output()).expect("replies are short");
    let head = [state, 0, 0, 0, 0, output, Request::row(row.operation), 0, 0, 0, 0];
    let input = row.about().input;
    [&head, input.example, input.tail.1].concat()
}

/// Each control code on a thread that impersonates and has a save, and as the very
/// first request.
fn ioctl() -> Vec<Seed> {
    let rows = IOCTLS.iter().flat_map(|row| {
        [("idle", 0), ("saved", SAVED)]
            .map(|(state, number)| (format!("{}-{state}", row.name), request(row, number)))
    });
    let head = |code: u32| [&[0, 0, 0, 0, 0, 0, 0xFF], code.to_le_bytes().as_slice()].concat();
    let unknown = [("unknown-code", Ioctl::NEXT_FREE_CODE), ("method-neither", 0x0022_6003)];
    rows.chain(unknown.map(|(name, code)| (name.to_owned(), head(code)))).collect()
}

/// Each call of a program three times, with different values of its argument
/// byte.
fn program() -> Vec<Seed> {
    const CALLS: u8 = 18;
    let calls = (0..CALLS).map(|call| {
        let calls = (0..12_u8).flat_map(|byte| [call, byte.wrapping_mul(37), byte, byte & 1, byte & 3, 0]);
        (format!("call-{call}"), [0, 1].into_iter().chain(calls).collect())
    });
    let all = (0..60_u8).flat_map(|byte| [byte % CALLS, byte, byte & 1, byte & 1, byte & 3, 1, 0]);
    calls.chain([("all-calls".to_owned(), [1, 0].into_iter().chain(all).collect())]).collect()
}

fn descriptors() -> Vec<Seed> {
    let owned = |dacl| SecurityDescriptor::new(sids::LOCAL_SYSTEM, dacl);
    let label = Some(MandatoryLabel::default());
    let granting = Acl::granting(&[sids::LOCAL_SYSTEM, Sid::EVERYONE]);
    [
        ("no-dacl", owned(None)),
        ("empty-dacl", owned(Some(Acl::default()))),
        ("label", SecurityDescriptor { label, ..owned(Some(granting)) }),
    ]
    .map(|(name, descriptor)| (name.to_owned(), descriptor.to_self_relative().expect("a short one")))
    .into_iter()
    .chain([("sid".to_owned(), sids::ADMINISTRATORS.as_bytes().to_vec())])
    .collect()
}

/// The smallest driver that the loader accepts: it returns, and imports one
/// function; one word of data is an address.
fn images() -> Vec<Seed> {
    const CODE: [u8; 3] = [0x31, 0xC0, 0xC3];
    let mut bytes = Vec::new();
    let mut writer = Writer::new(true, 0x1000, 0x200, &mut bytes);
    writer.reserve_dos_header();
    writer.reserve_nt_headers(16);
    writer.reserve_section_headers(4);
    let text = writer.reserve_text_section(3);
    // Descriptor, its end; table of names, its end; slots, their end; names.
    let rdata = writer.reserve_rdata_section(112);
    let at = |offset| rdata.virtual_address + offset;
    let mut imports = vec![0; 112];
    for (offset, value) in [(0, at(40)), (12, at(96)), (16, at(56)), (40, at(72)), (56, at(72))] {
        imports[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
    }
    imports[74..86].copy_from_slice(b"RtlValidAcl\0");
    imports[96..109].copy_from_slice(b"ntoskrnl.exe\0");
    let data = writer.reserve_data_section(8, 8);
    writer.add_reloc(data.virtual_address, pe::IMAGE_REL_BASED_DIR64);
    writer.reserve_reloc_section();
    writer.set_data_directory(pe::IMAGE_DIRECTORY_ENTRY_IMPORT, rdata.virtual_address, 40);

    writer.write_empty_dos_header().expect("nothing is written yet");
    writer.write_nt_headers(NtHeaders {
        machine: pe::IMAGE_FILE_MACHINE_AMD64,
        time_date_stamp: 0,
        characteristics: pe::IMAGE_FILE_EXECUTABLE_IMAGE | pe::IMAGE_FILE_LARGE_ADDRESS_AWARE,
        major_linker_version: 0,
        minor_linker_version: 0,
        address_of_entry_point: text.virtual_address,
        image_base: 0x1_4000_0000,
        major_operating_system_version: 10,
        minor_operating_system_version: 0,
        major_image_version: 0,
        minor_image_version: 0,
        major_subsystem_version: 10,
        minor_subsystem_version: 0,
        subsystem: pe::IMAGE_SUBSYSTEM_NATIVE,
        dll_characteristics: 0,
        size_of_stack_reserve: 0,
        size_of_stack_commit: 0,
        size_of_heap_reserve: 0,
        size_of_heap_commit: 0,
    });
    writer.write_section_headers();
    writer.write_section(text.file_offset, &CODE);
    writer.write_section(rdata.file_offset, &imports);
    writer.write_section(data.file_offset, &0x1_4000_1000_u64.to_le_bytes());
    writer.write_reloc_section();
    seal(&mut bytes).expect("it has headers");
    vec![("driver".to_owned(), bytes)]
}

#[test]
fn seeds_are_current() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("seeds");
    let all =
        [("ioctl", ioctl()), ("program", program()), ("image", images()), ("descriptor", descriptors())];
    for (target, seeds) in all {
        let folder = folder.join(target);
        for (name, bytes) in &seeds {
            let kept = Data::read_from(&folder.join(name), Some(DataFormat::Binary));
            assert_data_eq!(&bytes[..], kept);
        }
        for file in folder.read_dir().expect("it has seeds") {
            let name = file.expect("a file").file_name();
            assert!(
                seeds.iter().any(|(seed, _)| name == **seed),
                "seeds/{target}/{name:?} is a seed of nothing"
            );
        }
    }
}

/// Every control code has a seed, else it would only be found by chance.
#[test]
fn every_control_code_has_a_seed_that_succeeds() {
    let seeds = ioctl();
    for row in IOCTLS {
        let seed = seeds.iter().find(|(name, _)| *name == format!("{}-saved", row.name));
        let (_, bytes) = seed.unwrap_or_else(|| panic!("{} has no seed", row.name));
        let request = Request::read(bytes).expect("a request");
        assert_eq!(request.code(), row.code(), "{}", row.name);
        assert_eq!(request.status(&[Source::Service]), Ok(Status::SUCCESS), "{}", row.name);
    }
}

/// Version, reserved field, level and flags, in the input of every control code that has them.
#[test]
fn every_field_out_of_its_range_is_refused() {
    let mut refused = 0;
    for row in IOCTLS {
        let input = row.about().input;
        for field in input.fields {
            let values = match field.name {
                "version" => vec![0, 2, u64::from(u32::MAX)],
                "reserved" => vec![1, 0x8000_0000],
                "level" => vec![4, 0x8000_0000],
                "flags" => {
                    let (_, flags) =
                        input.values.iter().find(|(name, _)| *name == "Flags").expect("its values");
                    let known = flags.list.iter().fold(0, |known, flag| known | flag.number);
                    (0..32).map(|bit| 1 << bit).filter(|flag| known & flag == 0).map(u64::from).collect()
                }
                _ => continue,
            };
            for value in values {
                let mut bytes = request(row, SAVED);
                field.write(&mut bytes[HEAD..], value);
                let status = Request::read(&bytes).expect("a request").status(&[Source::Service]);
                assert_eq!(status, Ok(Status::INVALID_PARAMETER), "{}, {} {value}", row.name, field.name);
                refused += 1;
            }
        }
    }
    assert!(refused > 100, "{refused}");
}

#[test]
fn the_seed_of_images_is_one() {
    for (_, bytes) in images() {
        let image = psimp_host::Image::from_bytes(bytes.clone()).expect("it is taken");
        assert_eq!(image.bytes(), bytes);
        assert_eq!(IMAGE.run(&bytes, &[]), Ok(()));
    }
}
