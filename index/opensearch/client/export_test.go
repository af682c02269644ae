package client

import "time"

// PingSoon has a client give up a node that hangs sooner than others would like.
func (c *Client) PingSoon(after time.Duration) { c.pingAfter, c.pingTimeout = after, after }
