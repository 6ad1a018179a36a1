package theme

import "unicode"

// Fold is the ASCII character that stands for r where the terminal lacks
// glyphs. Letters and figures of one cell stay as they are: a console that has
// no box lines may well have é.
func Fold(r rune) rune {
	if r < 0x80 {
		return r
	}
	if f := foldLine(r); f != 0 {
		return f
	}
	switch r {
	case '…':
		return '~'
	case '◦':
		return 'o'
	case '·', '•', '●', '○', '◌', '∙', '▪':
		return '*'
	case '▲', '↑', '△':
		return '^'
	case '▼', '↓', '▽':
		return 'v'
	case '→', '▶', '›', '»', '❯', '▸':
		return '>'
	case '←', '◀', '‹', '«', '◂':
		return '<'
	case '✓', '✔':
		return '+'
	case '✗', '✘', '×', '✕':
		return 'x'
	case '≈', '∼':
		return '~'
	case '≠':
		return '#'
	case '–', '—', '−', '▔', '▁':
		return '-'
	case '‘', '’', '′':
		return '\''
	case '“', '”', '″':
		return '"'
	case 'µ', 'μ':
		return 'u'
	}
	if unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.Is(unicode.M, r) {
		return r
	}
	return '?'
}

// foldLine folds box lines, blocks and braille; 0 for everything else.
func foldLine(r rune) rune {
	switch {
	case r == 0x2800:
		return ' '
	case r > 0x2800 && r < 0x2900:
		return '*'
	case r < 0x2500 || r > 0x25a0:
		return 0
	case r == '─' || r == '━' || r == '╌' || r == '╍' || r == '┄' || r == '┅' || r == '┈' || r == '┉' || r == '═' || r == '╴' || r == '╶':
		return '-'
	case r == '│' || r == '┃' || r == '╎' || r == '╏' || r == '┆' || r == '┇' || r == '┊' || r == '┋' || r == '║' || r == '╵' || r == '╷':
		return '|'
	case r == '┤':
		return '|'
	case r < 0x2580:
		return '+'
	case r == '▁' || r == '▂' || r == '▃':
		return '_'
	case r == '░':
		return '.'
	case r == '▔':
		return '-'
	}
	return '#'
}
