package main

import (
	"math"
	"math/big"
)

const precision = 200

func number(x float64) *big.Float { return new(big.Float).SetPrec(precision).SetFloat64(x) }

// ln2 is the sum of 1/(k 2^k).
func ln2() *big.Float {
	sum, power := number(0), number(1)
	for k := 1; k <= precision; k++ {
		power.Quo(power, number(2))
		sum.Add(sum, new(big.Float).Quo(power, number(float64(k))))
	}
	return sum
}

// expCoefficients are those of a polynomial for e^r with |r| <= ln 2 / 2, lowest
// power first: the Chebyshev series of e^(ht), whose coefficients are the modified
// Bessel functions I_k(h), cut off after the degree and written in powers of r.
// That is within a few percent of the best polynomial of the degree.
func expCoefficients(degree int) []float64 {
	h := new(big.Float).Quo(ln2(), number(2))
	sum := make([]*big.Float, degree+1)
	for i := range sum {
		sum[i] = number(0)
	}
	for k := range degree + 1 {
		factor := bessel(k, h)
		if k > 0 {
			factor.Mul(factor, number(2))
		}
		for i, c := range chebyshev(k) {
			sum[i].Add(sum[i], new(big.Float).Mul(factor, c))
		}
	}
	list, power := make([]float64, degree+1), number(1)
	for i, c := range sum {
		list[i], _ = new(big.Float).Quo(c, power).Float64()
		power.Mul(power, h)
	}
	return list
}

// bessel is I_k(x), the sum of (x/2)^(2m+k) / (m! (m+k)!).
func bessel(k int, x *big.Float) *big.Float {
	half := new(big.Float).Quo(x, number(2))
	term := number(1)
	for i := 1; i <= k; i++ {
		term.Mul(term, half)
		term.Quo(term, number(float64(i)))
	}
	sum := number(0)
	for m := 1; m < 60; m++ {
		sum.Add(sum, term)
		term.Mul(term, half)
		term.Mul(term, half)
		term.Quo(term, number(float64(m)*float64(m+k)))
	}
	return sum
}

// chebyshev are the coefficients of T_k, lowest power first.
func chebyshev(k int) []*big.Float {
	before, now := []*big.Float{number(1)}, []*big.Float{number(0), number(1)}
	if k == 0 {
		return before
	}
	for range k - 1 {
		next := make([]*big.Float, len(now)+1)
		for i := range next {
			next[i] = number(0)
			if i > 0 {
				next[i].Mul(now[i-1], number(2))
			}
			if i < len(before) {
				next[i].Sub(next[i], before[i])
			}
		}
		before, now = now, next
	}
	return now
}

// split gives ln 2 as a number of the size and what is left of it.
func split(size int) (high, low float64) {
	l := ln2()
	high, _ = l.Float64()
	if size == 4 {
		high = float64(float32(high))
	}
	low, _ = new(big.Float).Sub(l, number(high)).Float64()
	return high, low
}

// magic brings a number's nearest integer into the low bits of its mantissa when
// added; subtracted again it leaves that integer.
func magic(size int) float64 {
	if size == 4 {
		return 1.5 * (1 << 23)
	}
	return 1.5 * (1 << 52)
}

// bias of the exponent.
func bias(size int) float64 {
	if size == 4 {
		return 127
	}
	return 1023
}

// lowest is the argument below which e^x counts as zero: where the instruction
// scales into subnormal numbers that is below them all, else below the normal ones.
func (m machine) lowest() float64 {
	e := bias(m.size)
	if m.width == 64 {
		e = map[int]float64{8: 1080, 4: 155}[m.size]
	}
	return -e * math.Ln2
}
