package gpu

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const mlperfHeader = "division,system,model,scenario,metric,value,accelerator_model_name,accelerators_per_node,number_of_nodes\n"

func TestMLPerf(t *testing.T) {
	rows, skipped, err := MLPerf(strings.NewReader(mlperfHeader + `closed,a,resnet50,Offline,samples/s,800,NVIDIA L40S,8,1
closed,b,resnet50,offline,samples/s,480,NVIDIA L40S,2,2
closed,c,resnet50,Offline,samples/s,90,NVIDIA L40S,1,1
closed,c_MaxQ,resnet50,Offline,samples/s,1,NVIDIA L40S,1,1
open,d,resnet50,Offline,samples/s,1,NVIDIA L40S,1,1
closed,e,resnet50,SingleStream,p90 latency ns,1,NVIDIA L40S,1,1
closed,f,llama2-70b-99,Server,samples/s,1,NVIDIA L40S,1,1
closed,f,llama2-70b-99,Server,tokens/s,400,NVIDIA L40S,1,1
closed,g,resnet50,Offline,samples/s,1,TPU v9,4,1
`))
	require.NoError(t, err)
	require.Len(t, rows, 2)
	assert.Equal(t, "mlperf{model=llama2-70b-99 scenario=server} chip throughput", rows[0].Query.String())
	assert.Equal(t, 400.0, rows[0].Value)
	assert.Equal(t, 100.0, rows[1].Value, "median of 100, 120 and 90 an accelerator")
	assert.Contains(t, rows[1].Source, "3 submissions")
	assert.Equal(t, map[string]int{"TPU v9": 1}, skipped)
}

func TestMLPerfErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                 "EOF",
		"division,model\n": `no column "system"`,
		mlperfHeader + "closed,a,resnet50,Offline,samples/s,fast,NVIDIA L40S,8,1\n": `line 2: value "fast"`,
		mlperfHeader + "closed,a,resnet50,Offline,samples/s,-3,NVIDIA L40S,8,1\n":   `line 2: value "-3"`,
		mlperfHeader + "closed,a,resnet50,Offline,samples/s,3,NVIDIA L40S,N/A,1\n":  `"N/A" accelerators`,
		mlperfHeader + "closed,a\n": "wrong number of fields",
	} {
		_, _, err := MLPerf(strings.NewReader(text))
		assert.ErrorContains(t, err, want)
	}
}
