package mapping

// DecodeOptions are the settings of Decode.
type DecodeOptions struct {
	AcceptEmptyHistory bool // take an empty or absent eventHistory
}

// Decode reads and validates a posted recording. The error is a Problems that names every attribute that is wrong.
func Decode(body []byte, o DecodeOptions) (*Recording, error) {
	panic("soon")
}
