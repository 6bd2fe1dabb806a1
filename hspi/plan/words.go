package plan

import (
	"fmt"
	"hash/fnv"
	"strings"
)

// vocabulary is short common words, which every tokeniser knows.
const vocabulary = `able acid also arch area army atom aunt away axis baby back bake ball band bank barn base bath bead beam bear bell belt bench bend
bird blue boat bolt bone book boot born bowl brick bridge brown brush cake calm camp cane card care cart cave chair chalk cheese cherry chest circle city
clay clean clock cloud coal coat coin cold comb cook copper corn cotton cow crab crop cup dance dark dawn day deep deer desk dew dish dog door dove down
draw dream dress drum dry duck dust eagle ear earth east echo edge egg elbow elm engine even eye face fact fair fall farm fast feast feather fern field
fig film fire fish five flag flame flat flour flow flute fog foot forest fork fox frame fresh frog fruit gate gift glass glove goat gold goose grain
grass gray green ground guest hair half hall hammer hand harbor hat hawk heart hen herb hill hive home honey hook horn horse house ice ink iron island
ivory jar jelly jewel jump key king kite knee knot lake lamb lamp land lark leaf leather lemon letter light lily lime linen lion loaf lock loom lunch
map maple marble march mask meadow melon metal mice milk mill mint mirror moon moss moth mouse music nail neck needle nest net night noon north nose
nut oak oat ocean oil olive onion orange orchard oven owl page paint palm paper park path peach pear pearl pepper piano pine plane plate plow plum
pond pony pool port pot print pump quail queen quiet quilt rabbit rain raft reed rice ring river road robin rock roof room root rope rose round rug
sail salt sand school sea seed shade sheep shell ship shoe shop shore silk silver sister skin sky slow small smoke snail snow soap soft song soup
south spice spoon spring square stable star steel stem step stone store storm straw street sugar summer sun swan table tail tall tea tent thin thread
three tide tiger tile time toad town toy train tree truck tulip turtle twin two uncle under valley velvet village vine violin voice wagon walk wall walnut
warm wash water wave wax well west whale wheat wheel white wide wind window wing winter wise wolf wood wool word yard year yellow young zebra zinc`

// random is SplitMix64: the same numbers for ever, whatever the library does.
type random uint64

func (r *random) next() uint64 {
	*r += 0x9e3779b97f4a7c15
	z := uint64(*r)
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// Words is n words, chosen by seed, series and number. The bias of the remainder
// is below 2^-54.
func Words(seed uint64, series string, number, n int) string {
	h := fnv.New64a()
	_, _ = fmt.Fprintf(h, "%d/%s/%d", seed, series, number) // a hash never fails
	r := random(h.Sum64())
	all := strings.Fields(vocabulary)
	chosen := make([]string, n)
	for i := range chosen {
		chosen[i] = all[r.next()%uint64(len(all))]
	}
	return strings.Join(chosen, " ")
}

// ShortPrompt begins a list of random words that the model is to go on with: its
// next word is open, so many tokens are likely and the logprobs tell much. It is
// shorter than the 16 tokens that servers cache at a time, so that whether it was
// asked before changes nothing.
func ShortPrompt(seed uint64, number int) string {
	return "Random words: " + Words(seed, SeriesProbe, number, 6)
}
