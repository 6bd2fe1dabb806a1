package emu

import "math/bits"

type integer interface {
	uint16 | uint32 | uint64 | int16 | int32 | int64
}

// integerFunction finds the function of an integer instruction of type t.
func integerFunction(in *instr, t string) fn {
	switch t {
	case "u16x2":
		return halves(packedFunction[uint16](in))
	case "s16x2":
		return halves(packedFunction[int16](in))
	case "u16":
		return integerOf[uint16, uint16](in, 16)
	case "s16":
		return integerOf[int16, uint16](in, 16)
	case "u32":
		return integerOf[uint32, uint32](in, 32)
	case "s32":
		return integerOf[int32, uint32](in, 32)
	case "u64":
		return integerOf[uint64, uint64](in, 64)
	case "s64":
		return integerOf[int64, uint64](in, 64)
	}
	return bitsFunction(in, widthOf(t))
}

// integerOf is the arithmetic on T, whose bits U holds.
func integerOf[T, U integer](in *instr, width int) fn {
	out := func(v T) uint64 { return uint64(U(v)) }
	var zero T
	signed := zero-1 < zero
	switch in.op {
	case "add":
		if in.has("sat") {
			return two(func(a, b uint64) uint64 { return uint64(uint32(clamp32(int64(int32(a)) + int64(int32(b))))) })
		}
		return two(func(a, b uint64) uint64 { return out(T(a) + T(b)) })
	case "sub":
		if in.has("sat") {
			return two(func(a, b uint64) uint64 { return uint64(uint32(clamp32(int64(int32(a)) - int64(int32(b))))) })
		}
		return two(func(a, b uint64) uint64 { return out(T(a) - T(b)) })
	case "mul", "mul24":
		return two(product[T, U](in, width, signed))
	case "mad", "mad24":
		f := product[T, U](in, width, signed)
		wide := width
		if in.has("wide") {
			wide = 2 * width
		}
		if in.op == "mad" && in.has("lo") {
			return three(func(a, b, c uint64) uint64 { return out(T(a)*T(b) + T(c)) })
		}
		return three(func(a, b, c uint64) uint64 { return truncate(f(a, b)+c, wide) })
	case "div":
		return two(func(a, b uint64) uint64 {
			if T(b) == 0 {
				return truncate(^uint64(0), width)
			}
			return out(T(a) / T(b))
		})
	case "rem":
		return two(func(a, b uint64) uint64 {
			if T(b) == 0 {
				return truncate(a, width)
			}
			return out(T(a) % T(b))
		})
	case "min":
		return relu[T, U](in, func(a, b T) T { return min(a, b) })
	case "max":
		return relu[T, U](in, func(a, b T) T { return max(a, b) })
	case "neg":
		return one(func(a uint64) uint64 { return out(-T(a)) })
	case "abs":
		return one(func(a uint64) uint64 {
			if T(a) < 0 {
				return out(-T(a))
			}
			return out(T(a))
		})
	case "sad":
		return three(func(a, b, c uint64) uint64 { return out(T(c) + max(T(a), T(b)) - min(T(a), T(b))) })
	case "shr":
		return two(func(a, b uint64) uint64 { return out(T(a) >> min(uint32(b), uint32(width))) })
	case "bfe":
		return three(extract[T, U](width, signed))
	case "bfind":
		return one(findBit[T](in, width, signed))
	case "dp4a", "dp2a":
		return dotProduct(in)
	}
	return fn{}
}

func relu[T, U integer](in *instr, f func(a, b T) T) fn {
	if in.has("relu") {
		return two(func(a, b uint64) uint64 { return uint64(U(max(f(T(a), T(b)), 0))) })
	}
	return two(func(a, b uint64) uint64 { return uint64(U(f(T(a), T(b)))) })
}

func clamp32(v int64) int32 { return int32(min(max(v, -1<<31), 1<<31-1)) }

// product is mul.lo, .hi, .wide and mul24.
func product[T, U integer](in *instr, width int, signed bool) func(a, b uint64) uint64 {
	extend := func(v uint64) uint64 { // to 64 bits
		if signed {
			return uint64(int64(T(v)))
		}
		return uint64(T(v))
	}
	switch {
	case in.op == "mul24" || in.op == "mad24":
		shift := 0
		if in.has("hi") {
			shift = 16
		}
		part := func(v uint64) uint64 { return v & 0xFFFFFF }
		if signed {
			part = func(v uint64) uint64 { return uint64(int64(v<<40) >> 40) }
		}
		return func(a, b uint64) uint64 { return truncate(part(a)*part(b)>>shift, 32) }
	case in.has("wide"):
		return func(a, b uint64) uint64 { return truncate(extend(a)*extend(b), 2*width) }
	case in.has("hi") && width == 64:
		return func(a, b uint64) uint64 {
			high, _ := bits.Mul64(a, b)
			if signed {
				high -= uint64(int64(a)>>63)&b + uint64(int64(b)>>63)&a
			}
			return high
		}
	case in.has("hi"):
		return func(a, b uint64) uint64 { return uint64(U(extend(a) * extend(b) >> width)) }
	}
	return func(a, b uint64) uint64 { return uint64(U(T(a) * T(b))) }
}

// extract is bfe: length bits from a start, sign-extended if signed.
func extract[T, U integer](width int, signed bool) func(a, b, c uint64) uint64 {
	return func(a, b, c uint64) uint64 {
		start, length := int(b&255), int(c&255)
		v := uint64(0)
		if start < width {
			v = truncate(a, width) >> start
		}
		sign := uint64(0)
		if signed && length > 0 {
			sign = a >> min(start+length-1, width-1) & 1
		}
		if length < 64 {
			v &= 1<<length - 1
		}
		if have := min(length, max(width-start, 0)); sign != 0 && have < 64 {
			v |= ^uint64(0) << have
		}
		return uint64(U(v))
	}
}

func findBit[T integer](in *instr, width int, signed bool) func(a uint64) uint64 {
	return func(a uint64) uint64 {
		v := truncate(a, width)
		if signed && T(a) < 0 {
			v = truncate(^a, width)
		}
		n := bits.Len64(v) - 1
		switch {
		case n < 0:
			return 0xFFFFFFFF
		case in.has("shiftamt"):
			return uint64(width - 1 - n)
		}
		return uint64(n)
	}
}

// dotProduct is dp4a and dp2a: the type qualifiers are of a and of b.
func dotProduct(in *instr) fn {
	t := in.types()
	if len(t) != 2 {
		return fn{}
	}
	byteOf := func(t string, v uint64, i int) int32 {
		if t == "s32" {
			return int32(int8(v >> (8 * i)))
		}
		return int32(uint8(v >> (8 * i)))
	}
	if in.op == "dp4a" {
		return three(func(a, b, c uint64) uint64 {
			sum := int32(c)
			for i := range 4 {
				sum += byteOf(t[0], a, i) * byteOf(t[1], b, i)
			}
			return uint64(uint32(sum))
		})
	}
	base := 0
	if in.has("hi") {
		base = 2
	}
	return three(func(a, b, c uint64) uint64 {
		sum := int32(c)
		for i := range 2 {
			x := int32(uint16(a >> (16 * i)))
			if t[0] == "s32" {
				x = int32(int16(x))
			}
			sum += x * byteOf(t[1], b, base+i)
		}
		return uint64(uint32(sum))
	})
}

// packedFunction is the arithmetic on one of two 16-bit halves.
func packedFunction[T uint16 | int16](in *instr) fn {
	switch in.op {
	case "add", "sub", "min", "max":
		return integerOf[T, uint16](in, 16)
	}
	return fn{}
}

// halves applies a function to both 16-bit halves of its operands.
func halves(f fn) fn {
	switch {
	case f.one != nil:
		g := f.one
		return one(func(a uint64) uint64 { return g(a&0xFFFF) | g(a>>16&0xFFFF)<<16 })
	case f.two != nil:
		g := f.two
		return two(func(a, b uint64) uint64 { return g(a&0xFFFF, b&0xFFFF) | g(a>>16&0xFFFF, b>>16&0xFFFF)<<16 })
	case f.three != nil:
		g := f.three
		return three(func(a, b, c uint64) uint64 {
			return g(a&0xFFFF, b&0xFFFF, c&0xFFFF) | g(a>>16&0xFFFF, b>>16&0xFFFF, c>>16&0xFFFF)<<16
		})
	}
	return f
}

// bitsFunction is logic, shifts and bit counting on a width.
func bitsFunction(in *instr, width int) fn {
	switch in.op {
	case "and":
		return two(func(a, b uint64) uint64 { return a & b })
	case "or":
		return two(func(a, b uint64) uint64 { return a | b })
	case "xor":
		return two(func(a, b uint64) uint64 { return a ^ b })
	case "not":
		return one(func(a uint64) uint64 { return truncate(^a, width) })
	case "cnot":
		return one(func(a uint64) uint64 {
			if a == 0 {
				return 1
			}
			return 0
		})
	case "shl":
		return two(func(a, b uint64) uint64 { return truncate(a<<min(b, 64), width) })
	case "shr":
		return two(func(a, b uint64) uint64 { return a >> min(b, 64) })
	case "popc":
		return one(func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) })
	case "clz":
		return one(func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a) - 64 + width) })
	case "brev":
		return one(func(a uint64) uint64 { return bits.Reverse64(a) >> (64 - width) })
	case "lop3":
		return four(lop3)
	case "shf":
		return three(funnel(in))
	case "prmt":
		return three(permute(in))
	case "bfi":
		return four(func(a, b, c, d uint64) uint64 {
			start, length := c&255, d&255
			field := ^uint64(0)
			if length < 64 {
				field = 1<<length - 1
			}
			field = truncate(field<<start, width)
			return b&^field | a<<start&field
		})
	}
	return fn{}
}

// lop3 is any function of three bits; the table's bits are by a, b, c.
func lop3(a, b, c, table uint64) uint64 {
	var r uint64
	for i := range uint64(8) {
		if table>>i&1 == 0 {
			continue
		}
		term := ^uint64(0)
		for j, v := range [3]uint64{c, b, a} {
			if i>>j&1 == 0 {
				v = ^v
			}
			term &= v
		}
		r |= term
	}
	return uint64(uint32(r))
}

func funnel(in *instr) func(a, b, c uint64) uint64 {
	left, wrap := in.has("l"), in.has("wrap")
	return func(a, b, c uint64) uint64 {
		v, n := b<<32|a&0xFFFFFFFF, c&31
		if !wrap {
			n = min(c, 32)
		}
		if left {
			return uint64(uint32(v << n >> 32))
		}
		return uint64(uint32(v >> n))
	}
}

// permute is prmt; a selector's high bit replicates the byte's sign.
func permute(in *instr) func(a, b, c uint64) uint64 {
	mode := in.oneOf("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")
	return func(a, b, c uint64) uint64 {
		v, r := b<<32|a&0xFFFFFFFF, uint64(0)
		for i := range uint64(4) {
			n := c >> (4 * i) & 15
			switch s := c & 3; mode {
			case "f4e":
				n = s + i
			case "b4e":
				n = (s - i) & 7
			case "rc8":
				n = s
			case "ecl":
				n = max(s, i)
			case "ecr":
				n = min(s, i)
			case "rc16":
				n = c&1*2 + i&1
			}
			x := v >> (8 * (n & 7)) & 255
			if n&8 != 0 {
				x = uint64(uint8(int8(x) >> 7))
			}
			r |= x << (8 * i)
		}
		return r
	}
}
