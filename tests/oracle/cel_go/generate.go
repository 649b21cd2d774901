package main

import (
	"fmt"
	"math/rand"
)

// Expressions of a wanted type, mostly; now and then one of another type, to meet errors.
type generator struct {
	r     *rand.Rand
	names int
}

func (g *generator) of(choices ...string) string { return choices[g.r.Intn(len(choices))] }

func (g *generator) any(depth int) string {
	switch g.r.Intn(8) {
	case 0, 1:
		return g.boolean(depth)
	case 2:
		return g.integer(depth)
	case 3:
		return g.text(depth)
	case 4:
		return g.list(depth)
	case 5:
		return g.double(depth)
	case 6:
		return g.time(depth)
	default:
		return g.optional(depth)
	}
}

func (g *generator) integer(depth int) string {
	if depth == 0 || g.r.Intn(6) == 0 {
		return g.of("0", "1", "-1", "2", "7", "i", "9223372036854775807", "-9223372036854775808", "size(s)", "0x10")
	}
	if g.r.Intn(40) == 0 {
		return g.any(depth - 1)
	}
	a, b := g.integer(depth-1), g.integer(depth-1)
	switch g.r.Intn(11) {
	case 0, 1, 2:
		return fmt.Sprintf("(%s %s %s)", a, g.of("+", "-", "*", "/", "%"), b)
	case 3:
		return fmt.Sprintf("size(%s)", g.of(g.text(depth-1), g.list(depth-1)))
	case 4:
		return fmt.Sprintf("int(%s)", g.of(g.text(depth-1), g.double(depth-1), a))
	case 5:
		return fmt.Sprintf("(%s ? %s : %s)", g.boolean(depth-1), a, b)
	case 6:
		return fmt.Sprintf("l[%s]", g.of("0", "1", "2", "3", "-1", a))
	case 7:
		return fmt.Sprintf("%s.indexOf(%s)", g.text(depth-1), g.text(depth-1))
	case 8:
		return fmt.Sprintf("%s.%s()", g.time(depth-1),
			g.of("getHours", "getMinutes", "getSeconds", "getMilliseconds"))
	case 9:
		return fmt.Sprintf("-(%s)", a)
	default:
		g.names++
		v := fmt.Sprintf("v%d", g.names)
		return fmt.Sprintf("cel.bind(%s, %s, %s + %s)", v, a, v, b)
	}
}

func (g *generator) double(depth int) string {
	if depth == 0 || g.r.Intn(6) == 0 {
		return g.of("0.0", "1.5", "-2.25", "f", "1e300", "d.ratio", "double(i)", "1e-7", "123456789.125")
	}
	a, b := g.double(depth-1), g.double(depth-1)
	switch g.r.Intn(4) {
	case 0:
		return fmt.Sprintf("(%s %s %s)", a, g.of("+", "-", "*", "/"), b)
	case 1:
		return fmt.Sprintf("double(%s)", g.of(g.integer(depth-1), g.text(depth-1)))
	case 2:
		return fmt.Sprintf("-(%s)", a)
	default:
		return fmt.Sprintf("(%s ? %s : %s)", g.boolean(depth-1), a, b)
	}
}

func (g *generator) text(depth int) string {
	if depth == 0 || g.r.Intn(6) == 0 {
		return g.of(`""`, `"a"`, `'b,c,d'`, `"12"`, `"-7"`, `"1.5"`, "s", `d.name`, `m.one`, `"Ünï\u00e9\n"`,
			`r"a\b"`, `"true"`, `"%s is %d"`)
	}
	a, b := g.text(depth-1), g.text(depth-1)
	switch g.r.Intn(14) {
	case 0:
		return fmt.Sprintf("(%s + %s)", a, b)
	case 1, 2:
		return fmt.Sprintf("string(%s)", g.of(g.integer(depth-1), g.double(depth-1), g.boolean(depth-1), g.time(depth-1), a))
	case 3:
		return fmt.Sprintf("%s.substring(%s)", a, g.integer(depth-1))
	case 4:
		return fmt.Sprintf("%s.%s()", a, g.of("lowerAscii", "upperAscii", "trim", "reverse"))
	case 5:
		return fmt.Sprintf("%s.replace(%s, %s)", a, b, g.text(depth-1))
	case 6:
		return fmt.Sprintf("%s.charAt(%s)", a, g.of("0", "1", "2", "9"))
	case 7:
		return fmt.Sprintf("%s.split(%s).join(%s)", a, b, g.text(depth-1))
	case 8:
		return fmt.Sprintf("(%s ? %s : %s)", g.boolean(depth-1), a, b)
	case 9:
		return fmt.Sprintf("d[%s]", a)
	case 10:
		return fmt.Sprintf("strings.quote(%s)", a)
	case 11:
		return fmt.Sprintf("%s.orValue(%s)", g.optional(depth-1), a)
	case 12:
		return fmt.Sprintf(`"%s".format([%s])`, g.of("%s", "<%s>", "%s%%"), g.any(depth-1))
	default:
		return fmt.Sprintf("words.filter(w, w != %s).join('-')", a)
	}
}

func (g *generator) boolean(depth int) string {
	if depth == 0 || g.r.Intn(8) == 0 {
		return g.of("true", "false", "b", "d.on", "has(d.name)", "has(d.absent)", "has(d.deep.a)")
	}
	switch g.r.Intn(16) {
	case 0, 1:
		return fmt.Sprintf("(%s %s %s)", g.boolean(depth-1), g.of("&&", "||"), g.boolean(depth-1))
	case 2:
		return "!" + g.of("b", fmt.Sprintf("(%s)", g.boolean(depth-1)))
	case 3:
		return fmt.Sprintf("(%s %s %s)", g.integer(depth-1), g.of("<", "<=", ">", ">=", "==", "!="), g.integer(depth-1))
	case 4:
		return fmt.Sprintf("(%s %s %s)", g.double(depth-1), g.of("<", "<=", ">", ">=", "==", "!="), g.double(depth-1))
	case 5:
		return fmt.Sprintf("(%s %s %s)", g.text(depth-1), g.of("<", "<=", ">", ">=", "==", "!="), g.text(depth-1))
	case 6:
		return fmt.Sprintf("(%s %s %s)", g.time(depth-1), g.of("<", "<=", ">", ">=", "==", "!="), g.time(depth-1))
	case 7:
		return fmt.Sprintf("(dyn(%s) %s %s)", g.any(depth-1), g.of("<", "<=", "==", "!="), g.any(depth-1))
	case 8:
		return fmt.Sprintf("(%s in %s)", g.any(depth-1), g.list(depth-1))
	case 9:
		g.names++
		v := fmt.Sprintf("v%d", g.names)
		return fmt.Sprintf("%s.%s(%s, %s)", g.list(depth-1), g.of("all", "exists", "exists_one"), v,
			g.of(v+" == "+g.any(depth-1), g.boolean(depth-1), "dyn("+v+") > "+g.integer(depth-1)))
	case 10:
		return fmt.Sprintf("%s.%s(%s)", g.text(depth-1), g.of("contains", "startsWith", "endsWith"), g.text(depth-1))
	case 11:
		return fmt.Sprintf("%s.matches(%s)", g.text(depth-1), g.of(`"^[a-z]+$"`, `"l{2}"`, `"(a|b).*"`, `"\\d+"`, `"[^[:alpha:]]"`, `"(?i)HÉ"`))
	case 12:
		return fmt.Sprintf("bool(%s)", g.text(depth-1))
	case 13:
		return fmt.Sprintf("(type(%s) == type(%s))", g.any(depth-1), g.any(depth-1))
	case 14:
		return fmt.Sprintf("%s.hasValue()", g.optional(depth-1))
	default:
		return fmt.Sprintf("(%s in %s)", g.text(depth-1), g.of("d", "m", "words"))
	}
}

func (g *generator) list(depth int) string {
	if depth == 0 || g.r.Intn(6) == 0 {
		return g.of("[]", "l", "words", "[1, 2, 2]", "['x', 1, null]", "[[1], [2, 3]]", "d.list")
	}
	a := g.list(depth - 1)
	g.names++
	v := fmt.Sprintf("v%d", g.names)
	switch g.r.Intn(9) {
	case 0:
		return fmt.Sprintf("[%s, %s]", g.any(depth-1), g.any(depth-1))
	case 1:
		return fmt.Sprintf("%s.map(%s, %s)", a, v, g.of(v, g.any(depth-1), "["+v+"]", "string("+v+")"))
	case 2:
		return fmt.Sprintf("%s.filter(%s, %s)", a, v, g.boolean(depth-1))
	case 3:
		return fmt.Sprintf("(%s + %s)", a, g.list(depth-1))
	case 4:
		return fmt.Sprintf("%s.%s", a, g.of("distinct()", "reverse()", "sort()", "flatten()", "slice(0, 1)", "slice(1, 2)"))
	case 5:
		return fmt.Sprintf("%s.split(%s)", g.text(depth-1), g.of("','", "''", "'a'"))
	case 6:
		return fmt.Sprintf("%s.sortBy(%s, %s)", a, v, g.of(v, "string("+v+")", "-1"))
	case 7:
		return fmt.Sprintf("[?%s, %s]", g.optional(depth-1), g.any(depth-1))
	default:
		return fmt.Sprintf("lists.range(%s)", g.of("0", "3", "-1"))
	}
}

func (g *generator) time(depth int) string {
	if depth == 0 || g.r.Intn(5) == 0 {
		return g.of(`duration("1h30m")`, `duration("-1.5s")`, `timestamp("2026-02-28T23:59:59.123456789Z")`,
			`timestamp("1969-12-31T23:00:00+05:30")`, `timestamp(0)`, `duration("100ns")`)
	}
	switch g.r.Intn(4) {
	case 0:
		return fmt.Sprintf("(%s %s %s)", g.time(depth-1), g.of("+", "-"), g.time(depth-1))
	case 1:
		return fmt.Sprintf("timestamp(%s)", g.of(g.integer(depth-1), g.text(depth-1)))
	case 2:
		return fmt.Sprintf("duration(%s)", g.text(depth-1))
	default:
		return fmt.Sprintf("(%s ? %s : %s)", g.boolean(depth-1), g.time(depth-1), g.time(depth-1))
	}
}

func (g *generator) optional(depth int) string {
	if depth == 0 || g.r.Intn(5) == 0 {
		return g.of("d.?name", "d.?absent", "d.?deep.a.b", "d.deep.?x.y", "m[?'one']", "m[?'x']", "l[?0]", "l[?9]",
			"optional.none()", "d[?'list'][0]")
	}
	g.names++
	v := fmt.Sprintf("v%d", g.names)
	switch g.r.Intn(5) {
	case 0:
		return fmt.Sprintf("optional.of(%s)", g.any(depth-1))
	case 1:
		return fmt.Sprintf("optional.ofNonZeroValue(%s)", g.any(depth-1))
	case 2:
		return fmt.Sprintf("%s.or(%s)", g.optional(depth-1), g.optional(depth-1))
	case 3:
		return fmt.Sprintf("%s.optMap(%s, %s)", g.optional(depth-1), v, g.of(v, g.any(depth-1)))
	default:
		return fmt.Sprintf("%s.optFlatMap(%s, %s)", g.optional(depth-1), v, g.optional(depth-1))
	}
}
