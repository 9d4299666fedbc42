/** Requests to begin with: the documents' own examples, one of each mode, and some that go wrong. */

/** @typedef {{request_type?: string, callback_url?: string, input: Record<string, any>}} Body */

/**
 * Return the presets by their names, each with a text `preset.NAME`.
 *
 * @param {string} root The root of the server, where samples to point at lie.
 * @returns {Record<string, Body>}
 */
export function presets(root) {
  const image = `${root}/files/images/reference.jpg`;
  const lora = { path: `${root}/files/loras/style.safetensors?download=true`, scale: 1.2 };
  return {
    text: {
      input: { mode: "text-to-video", prompt: "a calm sea at dawn, gulls far off", resolution: "480p", duration: 5 },
    },
    city: {
      request_type: "async",
      input: {
        mode: "text-to-video",
        prompt: "a futuristic city with flying cars at sunset",
        resolution: "1080p",
        duration: 10,
        aspect_ratio: "16:9",
        seed: 54248617,
      },
    },
    image: {
      input: {
        mode: "image-to-video",
        prompt: "the camera moves slowly towards the window",
        resolution: "720p",
        duration: 8,
        image_urls: [image],
      },
    },
    loras: {
      request_type: "async",
      input: {
        mode: "text-to-video-LoRA",
        prompt: "anime style magical girl transformation sequence",
        resolution: "720p",
        duration: 12,
        aspect_ratio: "9:16",
        loras: [lora, { ...lora, scale: 0.8 }],
      },
    },
    callback: {
      request_type: "callback",
      callback_url: "http://127.0.0.1:3000/callback",
      input: {
        mode: "image-to-video-LoRA",
        prompt: "make it cinematic with slow pan and dramatic lighting",
        resolution: "720p",
        duration: 8,
        image_urls: [image],
        loras: [lora],
      },
    },
    unicode: {
      input: {
        mode: "text-to-video",
        prompt: "日落时分的海边小镇,镜头缓慢推进 — un café, zwölf Möwen 🌅",
        resolution: "480p",
        duration: 20,
        aspect_ratio: "9:16",
      },
    },
    violation: {
      input: {
        mode: "text-to-video",
        prompt: "a quiet street [[content-violation]]",
        resolution: "480p",
        duration: 5,
      },
    },
    stuck: {
      input: { mode: "text-to-video", prompt: "a snail on a wall [[stuck]]", resolution: "480p", duration: 5 },
    },
    invalid: {
      input: {
        mode: "image-to-video",
        prompt: "a request with two mistakes",
        resolution: "720p",
        duration: 25,
        image_urls: ["reference.jpg"],
      },
    },
  };
}
