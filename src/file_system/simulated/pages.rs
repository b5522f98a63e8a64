//! What stands in a simulated file? Pages that copies share until one of them is written.
//!
//! Never knows which of them reached the disk.

use std::sync::Arc;

use crate::file_system::simulated::SECTOR;

/// What the cache of a system keeps and drops as one.
pub(super) const PAGE: usize = 4_096;

type Page = [u8; PAGE];

/// Bytes in pages; `None` is a page of zeros. Behind the length all bytes are zero.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pages: Vec<Option<Arc<Page>>>,
    length: usize,
}

/// The pieces of `offset..end`, page by page: the page, and where in it the piece begins and ends.
fn pieces(offset: usize, end: usize) -> impl Iterator<Item = (usize, usize, usize)> {
    (offset / PAGE..end.div_ceil(PAGE)).map(move |page| {
        let start = page * PAGE;
        (page, offset.max(start) - start, (end - start).min(PAGE))
    })
}

impl Pages {
    pub(super) fn of(bytes: &[u8]) -> Self {
        let mut pages = Self::default();
        pages.write(0, bytes);
        pages
    }

    pub(super) fn to_vec(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.length];
        self.read(0, &mut bytes);
        bytes
    }

    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Fills the buffer as far as there are bytes; answers with how many.
    pub(super) fn read(&self, offset: usize, buffer: &mut [u8]) -> usize {
        let end = offset.saturating_add(buffer.len()).min(self.length);
        let mut rest = buffer;
        for (page, from, upto) in pieces(offset.min(end), end) {
            let Some((space, more)) = rest.split_at_mut_checked(upto - from) else { break };
            match self.page(page).and_then(|page| page.get(from..upto)) {
                Some(bytes) => space.copy_from_slice(bytes),
                None => space.fill(0),
            }
            rest = more;
        }
        end.saturating_sub(offset)
    }

    /// Writes all of it, and lengthens the file if need be.
    pub(super) fn write(&mut self, offset: usize, bytes: &[u8]) {
        let end = offset + bytes.len();
        if end > self.length {
            self.resize(end);
        }
        let mut rest = bytes;
        for (page, from, upto) in pieces(offset, end) {
            let Some((new, more)) = rest.split_at_checked(upto - from) else { break };
            rest = more;
            let Some(page) = self.pages.get_mut(page) else { break };
            if page.is_none() && new.iter().fold(0, |sum, byte| sum | byte) == 0 {
                continue;
            }
            let page = Arc::make_mut(page.get_or_insert_with(|| Arc::new([0; PAGE])));
            if let Some(space) = page.get_mut(from..upto) {
                space.copy_from_slice(new);
            }
        }
    }

    pub(super) fn resize(&mut self, length: usize) {
        self.pages.resize(length.div_ceil(PAGE), None);
        self.length = length;
        self.clear_behind();
    }

    fn clear_behind(&mut self) {
        let (last, used) = (self.length / PAGE, self.length % PAGE);
        if used > 0
            && let Some(Some(page)) = self.pages.get_mut(last)
            && let Some(behind) = Arc::make_mut(page).get_mut(used..)
        {
            behind.fill(0);
        }
    }

    fn page(&self, page: usize) -> Option<&Page> {
        self.pages.get(page)?.as_deref()
    }

    /// Takes a page from another file, as far as this one reaches.
    pub(super) fn take(&mut self, page: usize, from: &Self) {
        if let Some(space) = self.pages.get_mut(page) {
            *space = from.pages.get(page).cloned().flatten();
            self.clear_behind();
        }
    }

    /// The bytes of a sector of a page.
    pub(super) fn sector(&self, page: usize, sector: usize) -> &[u8] {
        const ZEROS: [u8; SECTOR] = [0; SECTOR];
        let span = sector * SECTOR..(sector + 1) * SECTOR;
        self.page(page).and_then(|page| page.get(span)).unwrap_or(&ZEROS)
    }

    /// Puts a sector in its place, unless the file ends before it.
    pub(super) fn put_sector(&mut self, page: usize, sector: usize, bytes: &[u8]) {
        let start = page * PAGE + sector * SECTOR;
        let count = self.length.saturating_sub(start).min(bytes.len());
        if let Some(bytes) = bytes.get(..count).filter(|bytes| !bytes.is_empty()) {
            self.write(start, bytes);
        }
    }
}
