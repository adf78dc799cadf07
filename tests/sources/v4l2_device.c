/* A V4L2 camera that is played inside of the process that opens it, where no kernel module can be had.
 *
 * Loaded before libc (LD_PRELOAD), it answers the system calls that OpenCV's V4L2 backend makes on files named video*
 * in the folder $V4L2_FOLDER. So OpenCV's own code runs: negotiation, buffers, queue, time limits, decoding. What it does
 * not show: a kernel's driver, USB, and how a real one behaves when it fails.
 *
 * - A device is there while its file is; once that is gone, calls fail with ENODEV, as after a cable was pulled.
 * - A file hang in the folder stops the frames. Of two that are open at a time only the first has buffers.
 * - Frames come from the files WIDTHxHEIGHT.MJPG and .YUYV in the folder: FRAMES of equal length each. They fill the
 *   buffers that are queued at the rate that was asked for, $V4L2_FPS at the most; without a free buffer a frame is lost.
 *   Buffers bear the monotonic time, as UVC cameras' do.
 *
 * References: Linux Media Infrastructure userspace API, part I, Video for Linux, sections 3.2 (streaming I/O) and 7.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FRAMES 8
#define BUFFERS 16
#define DEVICES 16
#define PAGE 4096
#define STEP_NS 2000000LL

struct camera {
    int file; /* a memory file that holds the buffers; 0 where this place is free */
    char path[PATH_MAX];
    unsigned format, width, height, fps, length, room, buffers, filled[BUFFERS], bytes[BUFFERS];
    long long stamp_ns[BUFFERS], next_ns, shown;
    int queue[BUFFERS], queued, done[BUFFERS], ready, streams;
    char *pictures;
    size_t picture;
};

static struct camera cameras[DEVICES];

static long long now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void pause_ns(long long span) {
    struct timespec left = {span / 1000000000LL, span % 1000000000LL};
    nanosleep(&left, NULL);
}

static int is_there(const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", getenv("V4L2_FOLDER"), name);
    return access(path, F_OK) == 0;
}

static struct camera *camera_of(int file) {
    for (int i = 0; i < DEVICES; i++)
        if (cameras[i].file && cameras[i].file == file) return &cameras[i];
    return NULL;
}

static const char *name_of(unsigned format) { return format == V4L2_PIX_FMT_MJPEG ? "MJPG" : "YUYV"; }

/* The size that is nearest to what is asked for, of those that there are pictures of. */
static void choose_size(struct camera *camera, unsigned width, unsigned height) {
    DIR *folder = opendir(getenv("V4L2_FOLDER"));
    long best = LONG_MAX;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        unsigned wide, high;
        char kind[5];
        if (sscanf(entry->d_name, "%ux%u.%4s", &wide, &high, kind) != 3 || strcmp(kind, name_of(camera->format))) continue;
        long apart = labs((long)wide - width) + labs((long)high - height);
        if (apart >= best) continue;
        best = apart, camera->width = wide, camera->height = high;
    }
    if (folder) closedir(folder);
}

static void load_pictures(struct camera *camera) {
    char path[PATH_MAX];
    struct stat status;
    snprintf(path, sizeof path, "%s/%ux%u.%s", getenv("V4L2_FOLDER"), camera->width, camera->height,
             name_of(camera->format));
    int file = open(path, O_RDONLY);
    if (file < 0 || fstat(file, &status)) abort();
    camera->pictures = mmap(NULL, status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    camera->picture = status.st_size / FRAMES;
    close(file);
}

static void fill_format(struct camera *camera, struct v4l2_format *format) {
    struct v4l2_pix_format *pix = &format->fmt.pix;
    memset(pix, 0, sizeof *pix);
    pix->width = camera->width, pix->height = camera->height, pix->pixelformat = camera->format;
    pix->field = V4L2_FIELD_NONE, pix->colorspace = V4L2_COLORSPACE_SRGB;
    pix->bytesperline = camera->format == V4L2_PIX_FMT_YUYV ? camera->width * 2 : 0;
    pix->sizeimage = camera->width * camera->height * 2;
}

/* All frames that the sensor took since it was asked last, into the buffers that were queued then. */
static void expose(struct camera *camera) {
    if (!camera->streams) return;
    long long now = now_ns();
    for (; camera->next_ns <= now; camera->next_ns += 1000000000LL / camera->fps) {
        if (is_there("hang")) continue;
        long long shown = camera->shown++;
        if (!camera->queued) continue;
        int buffer = camera->queue[0];
        memmove(camera->queue, camera->queue + 1, --camera->queued * sizeof(int));
        if (pwrite(camera->file, camera->pictures + shown % FRAMES * camera->picture, camera->picture,
                   (off_t)buffer * camera->room) < 0) abort();
        camera->bytes[buffer] = camera->picture, camera->stamp_ns[buffer] = camera->next_ns;
        camera->filled[buffer] = shown;
        camera->done[camera->ready++] = buffer;
    }
}

static int fail(int number) {
    errno = number;
    return -1;
}

static int is_busy(struct camera *camera) {
    for (int i = 0; i < DEVICES; i++)
        if (cameras[i].file && &cameras[i] != camera && cameras[i].buffers && !strcmp(cameras[i].path, camera->path))
            return 1;
    return 0;
}

static int request_buffers(struct camera *camera, struct v4l2_requestbuffers *asked) {
    if (asked->memory != V4L2_MEMORY_MMAP) return fail(EINVAL);
    if (is_busy(camera)) return fail(EBUSY);
    camera->buffers = asked->count = asked->count < BUFFERS ? asked->count : BUFFERS;
    camera->length = camera->width * camera->height * 2;
    camera->room = (camera->length + PAGE - 1) / PAGE * PAGE;
    camera->queued = camera->ready = 0;
    return ftruncate(camera->file, (off_t)camera->buffers * camera->room);
}

static int take_buffer(struct camera *camera, struct v4l2_buffer *buffer) {
    expose(camera);
    if (!camera->ready) return fail(EAGAIN);
    int index = camera->done[0];
    memmove(camera->done, camera->done + 1, --camera->ready * sizeof(int));
    buffer->index = index, buffer->bytesused = camera->bytes[index], buffer->sequence = camera->filled[index];
    buffer->flags = V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC, buffer->field = V4L2_FIELD_NONE;
    buffer->timestamp.tv_sec = camera->stamp_ns[index] / 1000000000LL;
    buffer->timestamp.tv_usec = camera->stamp_ns[index] % 1000000000LL / 1000;
    buffer->length = camera->length, buffer->m.offset = index * camera->room;
    return 0;
}

static int answer(struct camera *camera, unsigned long request, void *argument) {
    struct v4l2_format *format = argument;
    struct v4l2_buffer *buffer = argument;
    struct v4l2_fract *period = &((struct v4l2_streamparm *)argument)->parm.capture.timeperframe;
    struct v4l2_capability *capability = argument;
    if (access(camera->path, F_OK)) return fail(ENODEV);
    switch (request) {
    case VIDIOC_QUERYCAP:
        memset(capability, 0, sizeof *capability);
        strcpy((char *)capability->driver, "played");
        capability->capabilities = capability->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
        return 0;
    case VIDIOC_S_FMT:
        if (camera->streams || camera->buffers) return fail(EBUSY);
        camera->format = format->fmt.pix.pixelformat == V4L2_PIX_FMT_MJPEG ? V4L2_PIX_FMT_MJPEG : V4L2_PIX_FMT_YUYV;
        choose_size(camera, format->fmt.pix.width, format->fmt.pix.height); /* fall through */
    case VIDIOC_G_FMT:
        fill_format(camera, format);
        return 0;
    case VIDIOC_S_PARM:
        if (period->numerator && period->denominator) camera->fps = period->denominator / period->numerator;
        if (!camera->fps || camera->fps > (unsigned)atoi(getenv("V4L2_FPS"))) camera->fps = atoi(getenv("V4L2_FPS"));
        /* fall through */
    case VIDIOC_G_PARM:
        period->numerator = 1, period->denominator = camera->fps;
        return 0;
    case VIDIOC_REQBUFS:
        return request_buffers(camera, argument);
    case VIDIOC_QUERYBUF:
        if (buffer->index >= camera->buffers) return fail(EINVAL);
        buffer->length = camera->length, buffer->m.offset = buffer->index * camera->room;
        return 0;
    case VIDIOC_QBUF:
        if (buffer->index >= camera->buffers) return fail(EINVAL);
        expose(camera);
        camera->queue[camera->queued++] = buffer->index;
        return 0;
    case VIDIOC_DQBUF:
        return take_buffer(camera, buffer);
    case VIDIOC_STREAMON:
        load_pictures(camera);
        camera->streams = 1, camera->next_ns = now_ns() + 1000000000LL / camera->fps;
        return 0;
    case VIDIOC_STREAMOFF:
        camera->streams = camera->queued = camera->ready = 0;
        return 0;
    default: /* no inputs, standards, controls */
        return fail(EINVAL);
    }
}

static int open_camera(const char *path) {
    struct camera *camera = NULL;
    char real[PATH_MAX];
    for (int i = 0; i < DEVICES && !camera; i++)
        if (!cameras[i].file) camera = &cameras[i];
    if (!camera || !realpath(path, real)) return fail(ENODEV);
    memset(camera, 0, sizeof *camera);
    strcpy(camera->path, real);
    camera->format = V4L2_PIX_FMT_YUYV, camera->fps = atoi(getenv("V4L2_FPS"));
    choose_size(camera, 640, 480);
    return camera->file = memfd_create("v4l2", 0);
}

static int is_camera(const char *path) {
    char real[PATH_MAX];
    const char *folder = getenv("V4L2_FOLDER"), *name;
    if (!folder || !path || !realpath(path, real)) return 0;
    return !strncmp(real, folder, strlen(folder)) && (name = strrchr(real, '/')) && !strncmp(name, "/video", 6);
}

int open(const char *path, int flags, ...) {
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    return (flags & O_ACCMODE) == O_RDWR && is_camera(path) ? open_camera(path) : next(path, flags, mode);
}

int open64(const char *path, int flags, ...) {
    int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open64");
    va_list more;
    va_start(more, flags);
    int mode = va_arg(more, int);
    va_end(more);
    return (flags & O_ACCMODE) == O_RDWR && is_camera(path) ? open_camera(path) : next(path, flags, mode);
}

int ioctl(int file, unsigned long request, ...) {
    int (*next)(int, unsigned long, ...) = dlsym(RTLD_NEXT, "ioctl");
    struct camera *camera = camera_of(file);
    va_list more;
    va_start(more, request);
    void *argument = va_arg(more, void *);
    va_end(more);
    return camera ? answer(camera, (unsigned)request, argument) : next(file, request, argument);
}

int select(int count, fd_set *read, fd_set *write, fd_set *except, struct timeval *timeout) {
    int (*next)(int, fd_set *, fd_set *, fd_set *, struct timeval *) = dlsym(RTLD_NEXT, "select");
    struct camera *camera = NULL;
    for (int i = 0; i < DEVICES && read; i++)
        if (cameras[i].file && cameras[i].file < count && FD_ISSET(cameras[i].file, read)) camera = &cameras[i];
    if (!camera) return next(count, read, write, except, timeout);
    long long end_ns = now_ns() + (timeout ? timeout->tv_sec * 1000000000LL + timeout->tv_usec * 1000LL : LLONG_MAX / 2);
    for (;;) {
        expose(camera);
        if (camera->ready || access(camera->path, F_OK)) return 1;
        long long now = now_ns();
        if (now >= end_ns) return 0;
        long long due = camera->next_ns - now;
        pause_ns(due > 0 && due < STEP_NS ? due : STEP_NS);
    }
}

int close(int file) {
    int (*next)(int) = dlsym(RTLD_NEXT, "close");
    struct camera *camera = camera_of(file);
    if (camera) memset(camera, 0, sizeof *camera);
    return next(file);
}
