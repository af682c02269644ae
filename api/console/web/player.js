// Plays the media files of one call as one: a position on the time axis of the call, in
// milliseconds since 1970. Files are streamed by the browser in ranges, never fetched as a whole.

import { request } from './api.js';

/** The speeds that can be chosen. */
export const speeds = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3];

const missing = 'This file is missing: its storage does not have it (any more).';

/** A media file as the player needs it: { url, start, stop, encrypted }. It adds { audio, problem }. */
export class Player extends EventTarget {
  #playing = false;
  #frame = 0;
  #timer = 0;
  #gapSince = NaN; // when playing went on through a gap between files, by the clock of the page
  #rate = 1;
  #volume = 1;
  #loud = 1; // the volume before the sound was turned off

  constructor(files, from, to) {
    super();
    this.files = [...files].sort((a, b) => a.start - b.start);
    this.from = from;
    this.to = to;
    this.position = from;
    this.skipping = true;
    this.current = null; // the file that is heard
    this.preferred = null; // where files overlap, the one that was chosen
    for (const file of this.files)
      file.problem = file.encrypted
        ? 'This file is encrypted. It can be downloaded, but not be played here.'
        : '';
  }

  get playing() {
    return this.#playing;
  }
  get rate() {
    return this.#rate;
  }
  get volume() {
    return this.#volume;
  }
  get playable() {
    return this.files.filter((f) => !f.problem);
  }

  set rate(rate) {
    this.#hold();
    this.#rate = rate;
    for (const f of this.files) if (f.audio) f.audio.playbackRate = rate;
    this.#changed();
  }

  set volume(volume) {
    this.#volume = volume;
    for (const f of this.files) if (f.audio) f.audio.volume = volume;
    this.#changed();
  }

  /** Turns the sound off, or on as loud as it was. */
  mute() {
    if (this.#volume > 0) this.#loud = this.#volume;
    this.volume = this.#volume > 0 ? 0 : this.#loud;
  }

  /** The file at a position, of those that can be played. */
  fileAt(position) {
    const covering = this.playable.filter((f) => f.start <= position && position < f.stop);
    return covering.includes(this.preferred) ? this.preferred : (covering[0] ?? null);
  }

  /** Gets what is needed to play the file at the position, without playing. */
  prepare() {
    const file = this.fileAt(this.position) ?? this.playable.find((f) => f.start >= this.position);
    if (file) this.#audio(file);
  }

  toggle() {
    return this.#playing ? this.pause() : this.play();
  }

  play() {
    if (this.position >= this.#end() - 50) this.position = this.playable[0]?.start ?? this.from;
    this.#playing = true;
    this.#go();
    this.#changed();
  }

  pause() {
    this.#hold();
    this.#playing = false;
    this.current?.audio.pause();
    this.#stopClocks();
    this.#changed();
  }

  /** Goes to a position, within the call. */
  seek(position, file = null) {
    if (file) this.preferred = file;
    this.position = Math.max(this.from, Math.min(this.to, position));
    this.#gapSince = NaN;
    if (this.#playing) this.#go();
    else {
      const at = this.fileAt(this.position);
      if (at) {
        this.#use(at);
        this.#setTime(at);
      }
    }
    this.#changed();
  }

  /** Ends it: nothing is fetched or played any more. */
  close() {
    this.pause();
    for (const f of this.files) {
      if (!f.audio) continue;
      f.audio.removeAttribute('src');
      f.audio.load();
      f.audio = null;
    }
  }

  /** Tries a file again that could not be played. */
  retry(file) {
    file.problem = '';
    file.audio = null;
    this.#audio(file);
    this.#changed();
  }

  #end() {
    return Math.max(this.from, ...this.playable.map((f) => f.stop));
  }

  /** Plays from the position on. */
  #go() {
    this.#stopClocks();
    const file = this.fileAt(this.position);
    if (file) {
      this.#use(file);
      this.#setTime(file);
      file.audio.play().catch((error) => {
        if (error.name !== 'AbortError' && !file.problem) this.pause();
      });
      this.#tick();
      return;
    }
    this.current?.audio?.pause();
    this.current = null;
    const next = this.playable.find((f) => f.start > this.position);
    if (!next) return this.#finish();
    if (this.skipping) {
      this.position = next.start;
      return this.#go();
    }
    this.#audio(next);
    this.#gapSince = performance.now();
    this.#timer = setTimeout(
      () => {
        this.position = next.start;
        this.#go();
      },
      (next.start - this.position) / this.#rate,
    );
    this.#tick();
  }

  #finish() {
    this.#playing = false;
    this.#stopClocks();
    this.#changed();
  }

  /** Brings the position up to now. */
  #hold() {
    if (!this.#playing) return;
    if (this.current) this.position = this.current.start + this.current.audio.currentTime * 1000;
    else if (Number.isFinite(this.#gapSince)) {
      const now = performance.now();
      this.position += (now - this.#gapSince) * this.#rate;
      this.#gapSince = now;
    }
  }

  #tick() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      if (!this.#playing) return;
      this.#hold();
      this.dispatchEvent(new Event('time'));
      this.#tick();
    });
  }

  #stopClocks() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#gapSince = NaN;
  }

  #use(file) {
    if (this.current && this.current !== file) this.current.audio?.pause();
    this.current = file;
    this.#audio(file);
  }

  #setTime(file) {
    const seconds = (this.position - file.start) / 1000;
    if (Math.abs(file.audio.currentTime - seconds) > 0.05) file.audio.currentTime = seconds;
  }

  #audio(file) {
    if (file.audio) return;
    const audio = new Audio();
    audio.preload = 'metadata';
    audio.src = file.url;
    audio.volume = this.#volume;
    audio.defaultPlaybackRate = this.#rate;
    audio.playbackRate = this.#rate;
    audio.preservesPitch = true;
    audio.addEventListener('ended', () => this.#ended(file));
    audio.addEventListener('error', () => this.#failed(file, audio));
    audio.addEventListener('waiting', () => this.dispatchEvent(new Event('waiting')));
    audio.addEventListener('playing', () => this.dispatchEvent(new Event('playing')));
    file.audio = audio;
  }

  #ended(file) {
    if (file !== this.current || !this.#playing) return;
    const next = this.playable.find((f) => f !== file && f.start >= file.start && f.stop > this.position);
    this.position = Math.max(file.stop, this.position);
    if (next && next.start <= this.position) this.preferred = next;
    this.current = null;
    this.#go();
  }

  /** Notes that the storage does not have a file, which was found before anybody wanted to hear it. */
  lacks(file) {
    if (file.audio || file.problem) return; // it is told where it is played
    file.problem = missing;
    file.retryable = true;
    this.#changed();
  }

  /** Says why a file cannot be played, in the words of the API where it has some. */
  async #failed(file, audio) {
    if (file.audio !== audio) return;
    file.problem = 'This file cannot be played in this browser. It can be downloaded.';
    const was = this.#playing && this.current === file;
    if (this.current === file) this.current = null;
    this.#changed();
    try {
      const response = await request(file.url, { headers: { Range: 'bytes=0-0' } });
      await response.body?.cancel();
    } catch (error) {
      file.problem = error.status === 404 ? missing : `This file could not be fetched: ${error.message}.`;
      file.retryable = true;
    }
    if (was && this.#playing) this.#go();
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event('change'));
  }
}
