package doctor

import (
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/gpubench/gpubench/micro"
	"github.com/gpubench/gpubench/ptx/isa"
)

// trial is a kernel that writes one number, and what that must be. Its parameters are the
// address of the number and, if there is data, the data's address.
type trial struct {
	name    string
	target  isa.Target
	text    string
	threads int
	grid    int
	data    []byte
	want    uint32
}

// trials are PTX by hand: the doctor must not depend on the builder that it may have to
// clear of suspicion.
func trials() []trial {
	return []trial{
		{name: "launch", target: isa.SM80, text: launchText, threads: 1, grid: 1, want: 42},
		{name: "clusters", target: isa.SM90, text: clusterText, threads: 32, grid: 2, want: 2},
		{name: "bulk copies (TMA)", target: isa.SM90, text: bulkText, threads: 1, grid: 1,
			data: binary.LittleEndian.AppendUint32(nil, 42), want: 42},
		{name: "fp8 mma", target: isa.SM89, text: fp8Text, threads: 32, grid: 1, want: 32},
		{name: "wgmma", target: isa.SM90a, text: wgmmaText, threads: 128, grid: 1, want: 16},
	}
}

func (t trial) job() *micro.Job {
	j := &micro.Job{Buffers: []micro.Buffer{{Name: "result", Bytes: 4}}, Result: "result"}
	l := micro.Launch{Kernel: "probe", Grid: micro.Dim(t.grid), Block: micro.Dim(t.threads), Args: []micro.Arg{micro.Ptr("result", 0)}}
	if t.data != nil {
		j.Buffers = append(j.Buffers, micro.Buffer{Name: "data", Bytes: 16, Data: func() []byte { return t.data }})
		l.Args = append(l.Args, micro.Ptr("data", 0))
	}
	j.Verify = []micro.Launch{l}
	return j
}

const launchText = `.version 7.0
.target sm_80
.address_size 64
.visible .entry probe(.param .u64 out) {
	.reg .b64 %rd<1>;
	ld.param.u64 %rd0, [out];
	st.global.u32 [%rd0], 42;
	ret;
}
`

const clusterText = `.version 7.8
.target sm_90
.address_size 64
.visible .entry probe(.param .u64 out) .reqnctapercluster 2, 1, 1 {
	.reg .b64 %rd<1>;
	.reg .b32 %r<1>;
	ld.param.u64 %rd0, [out];
	mov.u32 %r0, %cluster_nctaid.x;
	barrier.cluster.arrive.aligned;
	barrier.cluster.wait.aligned;
	st.global.u32 [%rd0], %r0;
	ret;
}
`

const bulkText = `.version 8.0
.target sm_90
.address_size 64
.visible .entry probe(.param .u64 out, .param .u64 data) {
	.reg .b64 %rd<3>;
	.reg .b32 %r<3>;
	.reg .pred %p<1>;
	.shared .align 16 .b8 copied[16];
	.shared .align 8 .b64 arrived;
	ld.param.u64 %rd0, [out];
	ld.param.u64 %rd1, [data];
	mov.u32 %r0, copied;
	mov.u32 %r1, arrived;
	mbarrier.init.shared::cta.b64 [%r1], 1;
	fence.mbarrier_init.release.cluster;
	mbarrier.arrive.expect_tx.shared::cta.b64 %rd2, [%r1], 16;
	cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%r0], [%rd1], 16, [%r1];
again:
	mbarrier.try_wait.parity.shared::cta.b64 %p0, [%r1], 0;
	@!%p0 bra again;
	ld.shared.u32 %r2, [%r0];
	st.global.u32 [%rd0], %r2;
	ret;
}
`

// fp8Text multiplies ones by ones, 32 of them for each element of the result.
const fp8Text = `.version 8.4
.target sm_89
.address_size 64
.visible .entry probe(.param .u64 out) {
	.reg .b64 %rd<1>;
	.reg .b32 %r<2>;
	.reg .f32 %f<4>;
	ld.param.u64 %rd0, [out];
	mov.b32 %r0, 0x38383838;
	mov.f32 %f0, 0f00000000;
	mma.sync.aligned.m16n8k32.row.col.f32.e4m3.e4m3.f32 {%f0, %f1, %f2, %f3}, {%r0, %r0, %r0, %r0}, {%r0, %r0}, {%f0, %f0, %f0, %f0};
	cvt.rzi.u32.f32 %r1, %f0;
	st.global.u32 [%rd0], %r1;
	ret;
}
`

// wgmmaText multiplies ones by ones, 16 of them for each element; both operands are the same
// 2 KiB of shared memory, in tiles of 128 bytes without swizzle.
const wgmmaText = `.version 8.0
.target sm_90a
.address_size 64
.visible .entry probe(.param .u64 out) {
	.reg .b64 %rd<2>;
	.reg .b32 %r<6>;
	.reg .f32 %f<4>;
	.shared .align 128 .b8 ones[2048];
	ld.param.u64 %rd0, [out];
	mov.u32 %r0, ones;
	mov.u32 %r1, %tid.x;
	mad.lo.u32 %r2, %r1, 16, %r0;
	mov.b32 %r3, 0x3c003c00;
	st.shared.v4.b32 [%r2], {%r3, %r3, %r3, %r3};
	fence.proxy.async.shared::cta;
	bar.sync 0;
	and.b32 %r4, %r0, 0x3ffff;
	shr.u32 %r4, %r4, 4;
	cvt.u64.u32 %rd1, %r4;
	or.b64 %rd1, %rd1, 0x0000001000080000;
	mov.f32 %f0, 0f00000000;
	mov.f32 %f1, 0f00000000;
	mov.f32 %f2, 0f00000000;
	mov.f32 %f3, 0f00000000;
	wgmma.fence.sync.aligned;
	wgmma.mma_async.sync.aligned.m64n8k16.f32.f16.f16 {%f0, %f1, %f2, %f3}, %rd1, %rd1, 1, 1, 1, 0, 0;
	wgmma.commit_group.sync.aligned;
	wgmma.wait_group.sync.aligned 0;
	cvt.rzi.u32.f32 %r5, %f0;
	st.global.u32 [%rd0], %r5;
	ret;
}
`

// longText is a kernel that takes the compiler a while; each n is another text.
func longText(n int) string {
	var b strings.Builder
	b.WriteString(".version 7.0\n.target sm_80\n.address_size 64\n.visible .entry probe(.param .u64 out) {\n" +
		"\t.reg .b64 %rd<1>;\n\t.reg .b32 %r<8>;\n\tld.param.u64 %rd0, [out];\n")
	for i := range 8 {
		fmt.Fprintf(&b, "\tld.global.u32 %%r%d, [%%rd0+%d];\n", i, 4*i)
	}
	for i := range 3000 {
		fmt.Fprintf(&b, "\tmad.lo.u32 %%r%d, %%r%d, %%r%d, %d;\n", i%8, (i+3)%8, (i+5)%8, 7*i+n)
	}
	for i := range 8 {
		fmt.Fprintf(&b, "\tst.global.u32 [%%rd0+%d], %%r%d;\n", 4*i, i)
	}
	b.WriteString("\tret;\n}\n")
	return b.String()
}
