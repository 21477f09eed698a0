//! How content is cut: pieces of blocks, the last of each possibly short.
//!
//! Law: the blocks of a piece add up to the piece, the pieces to the content, to the byte.

use crate::ids::PieceId;
use crate::units::{BLOCK, Bytes, u16_of};

/// The cut of one torrent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Geometry {
    /// Size of the content.
    pub content: Bytes,
    /// Size of every piece but the last.
    pub piece: Bytes,
    /// Number of pieces.
    pub pieces: usize,
    /// 64-bit words in a bitfield of pieces: a multiple of four, so that they can be counted in
    /// strides of 256 bits.
    pub words: usize,
    /// Blocks in every piece but the last.
    pub blocks: u16,
    /// 64-bit words in a bitfield of a piece's blocks.
    pub block_words: usize,
}

impl Geometry {
    /// Cuts `content` into pieces of size `piece`.
    ///
    /// # Panics
    /// If either is zero, if the piece is no multiple of a block though there are several, or if
    /// there are more than 65 534 pieces: `scenario::check` refuses such files.
    pub fn new(content: Bytes, piece: Bytes) -> Self {
        assert!(content.0 > 0, "content must not be empty");
        assert!(piece.0 > 0, "a piece must not be empty");
        let n_pieces = content.0.div_ceil(piece.0);
        assert!(n_pieces < 65_535, "a torrent has at most 65 534 pieces");
        assert!(
            n_pieces == 1 || piece.0.is_multiple_of(BLOCK.0),
            "a piece is a whole number of 16 KiB blocks"
        );
        let n_blocks = piece.0.min(content.0).div_ceil(BLOCK.0);
        let blocks = u16::try_from(n_blocks).expect("a piece has at most 65 535 blocks");
        let pieces = usize::try_from(n_pieces).expect("checked above");
        Self {
            content,
            piece,
            pieces,
            words: pieces.div_ceil(256) * 4,
            blocks,
            block_words: usize::from(blocks).div_ceil(64),
        }
    }

    /// Size of one piece.
    #[inline]
    pub fn piece_size(&self, piece: PieceId) -> Bytes {
        let start = self.piece.0 * u64::from(piece.0);
        Bytes(self.piece.0.min(self.content.0 - start))
    }

    /// Number of blocks in one piece.
    #[inline]
    pub fn blocks_in(&self, piece: PieceId) -> u16 {
        if piece.index() + 1 < self.pieces {
            return self.blocks;
        }
        u16_of(usize::try_from(self.piece_size(piece).0.div_ceil(BLOCK.0)).expect("small"))
    }

    /// Size of the blocks `from..to` of one piece.
    #[inline]
    pub fn blocks_size(&self, piece: PieceId, from: u16, to: u16) -> Bytes {
        let size = self.piece_size(piece).0;
        let end = (u64::from(to) * BLOCK.0).min(size);
        Bytes(end - (u64::from(from) * BLOCK.0).min(end))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_adds_up_to_the_byte() {
        for (content, piece) in
            [(1, 16_384), (16_384, 16_384), (100_000, 32_768), (1 << 20, 65_536)]
        {
            let cut = Geometry::new(Bytes(content), Bytes(piece));
            let mut total = 0;
            for p in 0..cut.pieces {
                let id = PieceId::from_index(p);
                let n = cut.blocks_in(id);
                let blocks: u64 = (0..n).map(|b| cut.blocks_size(id, b, b + 1).0).sum();
                assert_eq!(blocks, cut.piece_size(id).0);
                assert_eq!(cut.blocks_size(id, 0, n), cut.piece_size(id));
                total += blocks;
            }
            assert_eq!(total, content);
        }
    }
}
