// Pion: publishes an RTP dump, or counts what it is sent. See ../../README.md for the contract.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"
)

var (
	direction, endpoint    = os.Args[1], os.Args[2]
	token, codec, media    string
	posted                 time.Time
	location               *url.URL
	answer                 string
	audioCount, videoCount atomic.Int64
	output                 sync.Mutex
	mimeTypes              = map[string]string{"vp8": webrtc.MimeTypeVP8, "vp9": webrtc.MimeTypeVP9, "h264": webrtc.MimeTypeH264, "av1": webrtc.MimeTypeAV1}
)

type fields map[string]any

func say(event string, more fields) {
	line := fields{"event": event, "t_ms": 0}
	if !posted.IsZero() {
		line["t_ms"] = time.Since(posted).Milliseconds()
	}
	for name, value := range more {
		line[name] = value
	}
	text, _ := json.Marshal(line)
	output.Lock()
	defer output.Unlock()
	fmt.Println(string(text))
}

func count(counter *atomic.Int64) {
	if counter.Add(1) == 1 && audioCount.Load()+videoCount.Load() == 1 {
		say("first_packet", nil)
	}
}

func fail(err error) {
	if err != nil {
		say("ended", fields{"state": "error", "error": err.Error()})
		os.Exit(2)
	}
}

func request(method, target, body string, header map[string]string) (*http.Response, string) {
	message, err := http.NewRequest(method, target, strings.NewReader(body))
	fail(err)
	if token != "" {
		message.Header.Set("Authorization", "Bearer "+token)
	}
	for name, value := range header {
		message.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(message)
	fail(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	fail(err)
	return response, string(text)
}

func post(offer string) string {
	posted = time.Now()
	response, text := request("POST", endpoint, offer, map[string]string{"Content-Type": "application/sdp"})
	if response.StatusCode != 201 {
		say("refused", fields{"status": response.StatusCode, "body": text, "offer": offer})
		os.Exit(2)
	}
	location, _ = response.Location()
	answer = text
	say("posted", fields{"answer": text})
	go func() {
		for range time.Tick(200 * time.Millisecond) {
			say("stats", fields{"audio": audioCount.Load(), "video": videoCount.Load()})
		}
	}()
	return text
}

// RFC 9725 section 4.3.3: new credentials in a PATCH. The old answer, with the relay's new ones.
func restart(offer string) string {
	value := func(name, text string) string { return regexp.MustCompile(`(?m)^a=` + name + `:(\S+)`).FindString(text) }
	section := offer[strings.Index(offer, "m="):]
	body := strings.Join([]string{value("ice-ufrag", offer), value("ice-pwd", offer), strings.SplitN(section, "\r\n", 2)[0], value("mid", section), ""}, "\r\n")
	response, fragment := request("PATCH", location.String(), body, map[string]string{"Content-Type": "application/trickle-ice-sdpfrag", "If-Match": "*"})
	if response.StatusCode != 200 {
		say("restart_refused", fields{"status": response.StatusCode, "body": fragment})
		return ""
	}
	for _, name := range []string{"ice-ufrag", "ice-pwd"} {
		answer = regexp.MustCompile(`(?m)^a=`+name+`:\S+`).ReplaceAllLiteralString(answer, value(name, fragment))
	}
	say("restarted", nil)
	return answer
}

// Plays NAME.rtpdump again and again, numbers and times going on.
func replay(name string, clockHz uint32, track *webrtc.TrackLocalStaticRTP, counter *atomic.Int64) {
	data, err := os.ReadFile(media + "/" + name + ".rtpdump")
	fail(err)
	data = data[bytes.IndexByte(data, '\n')+17:]
	begun, sequence := time.Now(), uint16(1000)
	for turn := uint32(0); ; turn++ {
		for at := 0; at < len(data); at += int(binary.BigEndian.Uint16(data[at:])) {
			due := time.Duration(turn)*2*time.Second + time.Duration(binary.BigEndian.Uint32(data[at+4:]))*time.Millisecond
			time.Sleep(due - time.Since(begun))
			packet := rtp.Packet{}
			fail(packet.Unmarshal(data[at+8 : at+int(binary.BigEndian.Uint16(data[at:]))]))
			packet.SequenceNumber, packet.Timestamp = sequence, packet.Timestamp+turn*2*clockHz
			sequence++
			if track.WriteRTP(&packet) == nil {
				count(counter)
			}
		}
	}
}

func negotiate(connection *webrtc.PeerConnection, options *webrtc.OfferOptions, exchange func(string) string) {
	offer, err := connection.CreateOffer(options)
	fail(err)
	gathered := webrtc.GatheringCompletePromise(connection)
	fail(connection.SetLocalDescription(offer))
	<-gathered
	if answer := exchange(connection.LocalDescription().SDP); answer != "" {
		fail(connection.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer}))
	}
}

func main() {
	flags := flag.NewFlagSet("pion", flag.ExitOnError)
	flags.StringVar(&token, "token", "", "")
	flags.StringVar(&codec, "codec", "vp8", "")
	flags.StringVar(&media, "media", "", "")
	seconds := flags.Float64("seconds", 3600, "")
	flags.Parse(os.Args[3:])
	connection, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	fail(err)
	connected := make(chan bool)
	var once sync.Once
	connection.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			say("connected", nil)
			once.Do(func() { close(connected) })
		} else if state >= webrtc.PeerConnectionStateDisconnected {
			say("ended", fields{"state": state.String()})
		}
	})
	addTracks(connection, connected)
	negotiate(connection, nil, post)
	stop := func() { request("DELETE", location.String(), "", nil); os.Exit(0) }
	time.AfterFunc(time.Duration(*seconds*float64(time.Second)), stop)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan() && lines.Text() == "restart"; {
		negotiate(connection, &webrtc.OfferOptions{ICERestart: true}, restart)
	}
	stop()
}

func addTracks(connection *webrtc.PeerConnection, connected chan bool) {
	counters := map[webrtc.RTPCodecType]*atomic.Int64{webrtc.RTPCodecTypeAudio: &audioCount, webrtc.RTPCodecTypeVideo: &videoCount}
	connection.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			count(counters[track.Kind()])
		}
	})
	add := func(kind webrtc.RTPCodecType, name, mimeType string, clockHz uint32) {
		if direction == "play" {
			_, err := connection.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly})
			fail(err)
			return
		}
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: mimeType}, name, "stream")
		fail(err)
		_, err = connection.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		fail(err)
		go func() { <-connected; replay(name, clockHz, track, counters[kind]) }()
	}
	add(webrtc.RTPCodecTypeAudio, "opus", webrtc.MimeTypeOpus, 48000)
	add(webrtc.RTPCodecTypeVideo, codec, mimeTypes[codec], 90000)
}
