//! Access rights that not every Windows has.

/// `PROCESS_QUERY_LIMITED_INFORMATION`, and before Windows Vista `PROCESS_QUERY_INFORMATION`: asked for in this order.
/// Protected processes grant the first only.
pub const QUERY_PROCESS: [u32; 2] = [0x1000, 0x400];
/// `THREAD_QUERY_LIMITED_INFORMATION`, and before Windows Vista `THREAD_QUERY_INFORMATION`.
pub const QUERY_THREAD: [u32; 2] = [0x800, 0x40];
/// `THREAD_ALL_ACCESS` before Windows Vista, which refuses the rights that came later. Of those,
/// `THREAD_QUERY_INFORMATION` and `THREAD_SET_INFORMATION` imply the limited ones.
pub const ALL_OF_A_THREAD: u32 = 0x001F_03FF;
/// `SYNCHRONIZE`, which every object that can be waited for has.
pub const SYNCHRONIZE: u32 = 0x0010_0000;

/// Rights to a thread, in those that a kernel before Windows Vista has. A handle cannot be had for none: where none is
/// left, it is for waiting only.
pub const fn to_thread_before_vista(access: u32) -> u32 {
    let known = access & ALL_OF_A_THREAD;
    if known == 0 { SYNCHRONIZE } else { known }
}

/// Opens with the first of these rights that is granted.
///
/// # Errors
/// The error of the last.
pub fn first<T, E>(rights: [u32; 2], mut open: impl FnMut(u32) -> Result<T, E>) -> Result<T, E> {
    let [preferred, older] = rights;
    open(preferred).or_else(|_| open(older))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_opened_with_rights_that_the_kernel_has() {
        assert_eq!(to_thread_before_vista(0x001F_FFFF), 0x001F_03FF);
        assert_eq!(to_thread_before_vista(0x001F_FF7F), 0x001F_037F, "all but THREAD_SET_THREAD_TOKEN");
        assert_eq!(to_thread_before_vista(0x800), 0x0010_0000, "THREAD_QUERY_LIMITED_INFORMATION");
        assert_eq!(to_thread_before_vista(0x40), 0x40);
    }

    #[test]
    fn the_older_right_is_asked_for_where_the_newer_is_refused() {
        let mut asked = Vec::new();
        let opened = first(QUERY_PROCESS, |right| {
            asked.push(right);
            if right == 0x400 { Ok(()) } else { Err(5) }
        });
        assert_eq!((opened, asked), (Ok(()), vec![0x1000, 0x400]));
        assert_eq!(first(QUERY_THREAD, |right| if right == 0x800 { Ok(right) } else { Err(5) }), Ok(0x800));
        assert_eq!(first(QUERY_THREAD, Err::<(), u32>), Err(0x40));
    }
}
