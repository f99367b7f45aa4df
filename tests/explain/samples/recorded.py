"""Messages that a CPU with torch alone cannot raise, and those of other versions: pattern id -> texts as printed."""

from __future__ import annotations

CUDA_NOTE = (
    "CUDA kernel errors might be asynchronously reported at some other API call, so the stacktrace below might be incorrect.\n"
    "For debugging consider passing CUDA_LAUNCH_BLOCKING=1\nCompile with `TORCH_USE_CUDA_DSA` to enable device-side assertions.\n"
)

RECORDED: dict[str, tuple[str, ...]] = {
    "linear-features": (
        "RuntimeError: size mismatch, m1: [32 x 100], m2: [784 x 10] at /pytorch/aten/src/TH/generic/THTensorMath.cpp:41",
        "RuntimeError: mat1 and mat2 shapes cannot be multiplied (8x26 and 2704x10)",
        "mat1 and mat2 shapes cannot be multiplied (64x3136 and 1568x128)",
        "torch._dynamo.exc.TorchRuntimeError: Dynamo failed to run FX node with fake tensors: call_function <built-in function linear>"
        "(*(FakeTensor(..., size=(2, 4)), FakeTensor(..., size=(3, 5))), **{}): got RuntimeError('a and b must have same reduction dim, but got [2, 4] X [5, 3].')",
    ),
    "matmul-sizes": (
        "RuntimeError: Expected size for first two dimensions of batch2 tensor to be: [16, 64] but got: [16, 32].",
        "RuntimeError: 1D tensors expected, but got 2D and 2D tensors",
    ),
    "conv-rank": (
        "RuntimeError: Expected 4-dimensional input for 4-dimensional weight [6, 3, 5, 5], but got 3-dimensional input of size [3, 32, 32] instead",
        "RuntimeError: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [1, 1, 1, 28, 28]",
    ),
    "cat-sizes": (
        "RuntimeError: Sizes of tensors must match except in dimension 1. Got 32 and 31 in dimension 2 (The offending index is 1)",
    ),
    "expand-size": (
        "RuntimeError: The expanded size of the tensor (600) must match the existing size (512) at non-singleton dimension 1.  Target sizes: [8, 600].  Tensor sizes: [1, 512]",
        "RuntimeError: shape mismatch: value tensor of shape [3] cannot be broadcast to indexing result of shape [4]",
    ),
    "cross-entropy-target-shape": (
        "RuntimeError: 1D target tensor expected, multi-target not supported",
        "RuntimeError: multi-target not supported at /pytorch/aten/src/THNN/generic/ClassNLLCriterion.c:22",
        "ValueError: Expected input batch_size (324) to match target batch_size (4).",
    ),
    "cross-entropy-target-dtype": (
        "RuntimeError: expected scalar type Long but found Float",
        "RuntimeError: \"nll_loss_forward_reduce_cuda_kernel_2d_index\" not implemented for 'Float'",
        "RuntimeError: Expected object of scalar type Long but got scalar type Float for argument #2 'target' in call to _thnn_nll_loss_forward",
    ),
    "bce-target-shape": (
        "ValueError: Target size (torch.Size([32])) must be the same as input size (torch.Size([32, 1]))",
    ),
    "dtype-mismatch": (
        "RuntimeError: expected scalar type Float but found Double",
        "RuntimeError: expected scalar type Half but found Float",
        "RuntimeError: mat1 and mat2 must have the same dtype, but got Float and Half",
        "RuntimeError: Input type (c10::Half) and bias type (float) should be the same",
    ),
    "not-implemented-for-dtype": (
        "RuntimeError: \"LayerNormKernelImpl\" not implemented for 'Half'",
        "RuntimeError: \"addmm_impl_cpu_\" not implemented for 'Half'",
        "RuntimeError: mean(): input dtype should be either floating point or complex dtypes. Got Long instead.",
    ),
    "device-mismatch": (
        "RuntimeError: Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! (when checking argument for argument mat1 in method wrapper_CUDA_addmm)",
        "RuntimeError: Expected all tensors to be on the same device, but got mat1 is on cpu, different from other tensors on cuda:0 (when checking argument in method wrapper_CUDA_addmm)",
        "RuntimeError: Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same",
        "RuntimeError: Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same or input should be a MKLDNN tensor and weight is a dense tensor",
        "RuntimeError: indices should be either on cpu or on the same device as the indexed tensor (cpu)",
        "RuntimeError: Placeholder storage has not been allocated on MPS device!",
    ),
    "cuda-not-available": (
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver from http://www.nvidia.com/Download/index.aspx",
        "RuntimeError: No CUDA GPUs are available",
    ),
    "backend-operator-missing": (
        "NotImplementedError: The operator 'aten::_linalg_eigh.eigenvalues' is not currently implemented for the MPS device. If you want this op to be considered for addition please comment on https://github.com/pytorch/pytorch/issues/141287",
        "TypeError: Cannot convert a MPS Tensor to float64 dtype as the MPS framework doesn't support float64. Please use float32 instead.",
    ),
    "tensor-to-numpy-on-gpu": (
        "TypeError: can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first.",
    ),
    "device-ordinal": ("RuntimeError: CUDA error: invalid device ordinal\n" + CUDA_NOTE,),
    "generator-device": ("RuntimeError: Expected a 'cuda' device type for generator but found 'cpu'",),
    "no-kernel-image": (
        "RuntimeError: CUDA error: no kernel image is available for execution on the device\n" + CUDA_NOTE,
    ),
    "device-side-assert": (
        "Traceback (most recent call last):\n  File \"train.py\", line 379, in train_model\n    running_loss += loss.item()\n"
        "RuntimeError: CUDA error: device-side assert triggered\n" + CUDA_NOTE,
        "../aten/src/ATen/native/cuda/Loss.cu:250: nll_loss_forward_reduce_cuda_kernel_2d: block: [0,0,0], thread: [0,0,0] Assertion `t >= 0 && t < n_classes` failed.",
        "torch.AcceleratorError: CUDA error: device-side assert triggered\n" + CUDA_NOTE,
    ),
    "cuda-launch-failure": (
        "RuntimeError: CUDA error: an illegal memory access was encountered\n" + CUDA_NOTE,
        "RuntimeError: CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm( handle, opa, opb, m, n, k, &alpha, a, lda, b, ldb, &beta, c, ldc)`",
        "RuntimeError: cuDNN error: CUDNN_STATUS_NOT_INITIALIZED",
        "RuntimeError: GET was unable to find an engine to execute this computation",
    ),
    "cuda-in-forked-process": (
        "RuntimeError: Cannot re-initialize CUDA in forked subprocess. To use CUDA with multiprocessing, you must use the 'spawn' start method",
    ),
    "cuda-out-of-memory": (
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 22.78 GiB. GPU 0 has a total capacity of 31.47 GiB of which 12.73 GiB is free. Including non-PyTorch memory, this process has 18.73 GiB memory in use. Of the allocated memory 9.08 GiB is allocated by PyTorch, and 9.35 GiB is reserved by PyTorch but unallocated.",
        "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 1.70 GiB. GPU 0 has a total capacty of 6.00 GiB of which 0 bytes is free. Of the allocated memory 2.93 GiB is allocated by PyTorch, and 2.30 GiB is reserved by PyTorch but unallocated.",
        "RuntimeError: CUDA out of memory. Tried to allocate 128.00 MiB (GPU 0; 11.17 GiB total capacity; 10.85 GiB already allocated; 24.81 MiB free; 10.86 GiB reserved in total by PyTorch)",
        "RuntimeError: CUDA error: out of memory",
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "CUDA out of memory. Tried to allocate 2.26 GiB (GPU 0; 6.00 GiB total capacity; 781.59 MiB already allocated; 3.03 GiB free; 1.24 GiB reserved in total by PyTorch) ",
    ),
    "cpu-out-of-memory": (
        "RuntimeError: [enforce fail at ..\\c10\\core\\impl\\alloc_cpu.cpp:72] data. DefaultCPUAllocator: not enough memory: you tried to allocate 1207959552 bytes.",
        "numpy.core._exceptions._ArrayMemoryError: Unable to allocate 7.45 GiB for an array with shape (1000000, 1000) and data type float64",
        "OSError: [Errno 12] Cannot allocate memory",
    ),
    "mps-out-of-memory": (
        "RuntimeError: MPS backend out of memory (MPS allocated: 5.56 GB, other allocations: 1.10 GB, max allowed: 6.80 GB). Tried to allocate 768.00 MB on private pool. Use PYTORCH_MPS_HIGH_WATERMARK_RATIO=0.0 to disable upper limit for memory allocations (may cause system failure).",
    ),
    "jax-out-of-memory": (
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 7406166528 bytes.",
        "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory allocating 20029400304 bytes.",
        "RuntimeError: Resource exhausted: Out of memory while trying to allocate 24 bytes.",
    ),
    "shared-memory": (
        "RuntimeError: DataLoader worker (pid 30882) is killed by signal: Bus error. It is possible that dataloader's workers are out of shared memory. Please try to raise your shared memory limit.",
        "ERROR: Unexpected bus error encountered in worker. This might be caused by insufficient shared memory (shm).",
        "RuntimeError: unable to open shared memory object </torch_2841_1372906240_1021> in read-write mode: Too many open files (24)",
        "RuntimeError: received 0 items of ancdata",
        "RuntimeError: Too many open files. Communication with the workers is no longer possible. Please increase the limit using `ulimit -n` in the shell or change the sharing strategy by calling `torch.multiprocessing.set_sharing_strategy('file_system')` at the beginning of your code",
    ),
    "worker-killed": (
        "RuntimeError: DataLoader worker (pid 9833) is killed by signal: Killed. ",
        "RuntimeError: DataLoader worker (pid 6303) is killed by signal: Aborted. ",
        "RuntimeError: DataLoader worker (pid(s) 12345, 12346) exited unexpectedly",
        "Traceback (most recent call last):\n  File \"/usr/lib/python3.11/site-packages/torch/utils/data/dataloader.py\", line 1133, in _try_get_data\n    data = self._data_queue.get(timeout=timeout)\n"
        "RuntimeError: DataLoader worker (pid 9833) is killed by signal: Killed. \n\nThe above exception was the direct cause of the following exception:\n\n"
        "Traceback (most recent call last):\n  File \"train.py\", line 12, in <module>\n    for x, y in loader:\nRuntimeError: DataLoader worker (pid(s) 9833) exited unexpectedly",
    ),
    "process-killed": ("Epoch 1: loss 0.7\nKilled\n",),
    "worker-timeout": ("RuntimeError: DataLoader timed out after 60 seconds",),
    "second-backward": (
        "RuntimeError: Trying to backward through the graph a second time, but the saved intermediate results have already been freed. Specify retain_graph=True when calling .backward() or autograd.grad() the first time.",
    ),
    "modified-in-place": (
        "RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation: [torch.cuda.FloatTensor [64, 512]], which is output 0 of AsStridedBackward0, is at version 3; expected version 2 instead.",
        "RuntimeError: one of the variables needed for gradient computation has been modified by an inplace operation",
    ),
    "leaf-in-place": ("RuntimeError: a leaf Variable that requires grad has been used in an in-place operation.",),
    "gradient-of-unused": (
        "RuntimeError: One of the differentiated Tensors appears to not have been used in the graph. Set allow_unused=True if this is the desired behavior.",
    ),
    "state-dict-prefix": (
        "RuntimeError: Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: \"fc1.weight\", \"fc1.bias\". \n\tUnexpected key(s) in state_dict: \"module.fc1.weight\", \"module.fc1.bias\". ",
        "RuntimeError: Error(s) in loading state_dict for DataParallel:\n\tMissing key(s) in state_dict: \"module.fc1.weight\". \n\tUnexpected key(s) in state_dict: \"fc1.weight\". ",
        "RuntimeError: Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: \"fc1.weight\". \n\tUnexpected key(s) in state_dict: \"_orig_mod.module.fc1.weight\". ",
    ),
    "state-dict-sizes": (
        "RuntimeError: Error(s) in loading state_dict for ResNet:\n\tsize mismatch for fc.weight: copying a param with shape torch.Size([1000, 512]) from checkpoint, the shape in current model is torch.Size([10, 512]).\n\tsize mismatch for fc.bias: copying a param with shape torch.Size([1000]) from checkpoint, the shape in current model is torch.Size([10]).",
    ),
    "state-dict-keys": (
        "RuntimeError: Error(s) in loading state_dict for Net:\n\tUnexpected key(s) in state_dict: \"epoch\", \"optimizer\". ",
    ),
    "weights-only": (
        "_pickle.UnpicklingError: Weights only load failed. This file can still be loaded, to do so you have two options, do those steps only if you trust the source of the checkpoint. \n\t(1) In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from `False` to `True`.\n\t(2) Alternatively, to load with `weights_only=True` please check the recommended steps in the following error message.\n\tWeightsUnpickler error: Unsupported global: GLOBAL numpy.core.multiarray.scalar was not an allowed global by default.",
    ),
    "checkpoint-corrupt": (
        "RuntimeError: PytorchStreamReader failed reading zip archive: failed finding central directory",
        "RuntimeError: unexpected EOF, expected 1049349 more bytes. The file might be corrupted.",
        "_pickle.UnpicklingError: invalid load key, 'v'.",
        "EOFError: Ran out of input",
        "safetensors_rust.SafetensorError: Error while deserializing header: HeaderTooLarge",
    ),
    "checkpoint-without-gpu": (
        "RuntimeError: Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a CPU-only machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU.",
    ),
    "checkpoint-class-missing": (
        "Traceback (most recent call last):\n  File \"use.py\", line 3, in <module>\n    model = torch.load(\"model.pt\", weights_only=False)\n  File \"/usr/lib/python3/site-packages/torch/serialization.py\", line 1172, in _load\n    result = unpickler.load()\nAttributeError: Can't get attribute 'Net' on <module '__main__' from 'use.py'>",
    ),
    "cannot-pickle": (
        "AttributeError: Can't pickle local object 'main.<locals>.<lambda>'",
        "_pickle.PicklingError: Can't pickle <function <lambda> at 0x7f1c2a3b4d30>: attribute lookup <lambda> on __main__ failed",
        "TypeError: cannot pickle '_thread.lock' object",
        "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n  File \"/usr/lib/python3.11/multiprocessing/spawn.py\", line 132, in _main\n    self = reduction.pickle.load(from_parent)\nAttributeError: Can't get attribute 'MyDataset' on <module '__main__' (built-in)>",
    ),
    "main-guard": (
        "RuntimeError: \n        An attempt has been made to start a new process before the\n        current process has finished its bootstrapping phase.\n\n        This probably means that you are not using fork to start your\n        child processes",
    ),
    "pin-memory": ("RuntimeError: cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned",),
    "image-transform-input": ("TypeError: pic should be PIL Image or ndarray. Got <class 'torch.Tensor'>",),
    "embedding-range": (
        "RuntimeError: index out of range: Tried to access index 30522 out of table with 30521 rows. at /pytorch/aten/src/TH/generic/THTensorEvenMoreMath.cpp:418",
    ),
    "not-finite-probabilities": (
        "ValueError: Expected parameter logits (Tensor of shape (8, 2)) of distribution Categorical(logits: torch.Size([8, 2])) to satisfy the constraint IndependentConstraint(Real(), 1), but found invalid values:\ntensor([[nan, nan]])",
    ),
    "deterministic-missing": (
        "RuntimeError: adaptive_max_pool2d_backward_cuda does not have a deterministic implementation, but you set 'torch.use_deterministic_algorithms(True)'.",
        "RuntimeError: Deterministic behavior was enabled with either `torch.use_deterministic_algorithms(True)` or `at::Context::setDeterministicAlgorithms(true)`, but this operation is not deterministic because it uses CuBLAS",
    ),
    "autocast-bce": (
        "RuntimeError: torch.nn.functional.binary_cross_entropy and torch.nn.BCELoss are unsafe to autocast.\nMany models use a sigmoid layer right before the binary cross entropy layer.",
    ),
    "graph-break": (
        "torch._dynamo.exc.Unsupported: Data-dependent branching\n  Explanation: Detected data-dependent branching (e.g. `if my_tensor.sum() > 0:`). Dynamo does not support tracing dynamic control flow.\n  Hint: Use `torch.cond` to express dynamic control flow.",
        "torch._dynamo.exc.Unsupported: generic_jump TensorVariable()",
    ),
    "compiler-missing": (
        "torch._inductor.exc.InductorError: InvalidCxxCompiler: No working C++ compiler found in torch._inductor.config.cpp.cxx: (None, 'g++')",
        "torch._inductor.exc.TritonMissing: Cannot find a working triton installation. Either the package is not installed or it is too old.",
    ),
    "recompile-limit": ("torch._dynamo.exc.FailOnRecompileLimitHit: recompile_limit reached with fullgraph=True",),
    "collective-timeout": (
        "[rank0]:[E1218 20:27:21.426415540 ProcessGroupNCCL.cpp:629] [Rank 0] Watchdog caught collective operation timeout: WorkNCCL(SeqNum=1, OpType=BROADCAST, NumelIn=131072000, NumelOut=131072000, Timeout(ms)=600000) ran for 600081 milliseconds before timing out.",
        "RuntimeError: [Rank 1] Watchdog caught collective operation timeout: WorkNCCL(OpType=ALLREDUCE, Timeout(ms)=1800000) ran for 1800116 milliseconds before timing out.",
        "torch.distributed.DistStoreError: wait timeout after 600000ms, keys: /default_pg/0//cuda//0",
    ),
    "rendezvous-failed": (
        "torch.distributed.DistNetworkError: The client socket has timed out after 60000ms while trying to connect to (10.0.0.1, 29500).",
    ),
    "port-in-use": (
        "torch.distributed.DistNetworkError: The server socket has failed to listen on any local network address. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE, message: address already in use",
        "RuntimeError: The server socket has failed to listen on any local network address. The server socket has failed to bind to [::]:29500 (errno: 98 - Address already in use).",
    ),
    "ddp-unused-parameters": (
        "RuntimeError: Expected to have finished reduction in the prior iteration before starting a new one. This error indicates that your module has parameters that were not used in producing loss.",
    ),
    "nccl-error": (
        "torch.distributed.DistBackendError: NCCL error in: ../torch/csrc/distributed/c10d/ProcessGroupNCCL.cpp:1333, unhandled system error (run with NCCL_DEBUG=INFO for details), NCCL version 2.18.1",
    ),
    "hf-padding": (
        "ValueError: Unable to create tensor, you should probably activate truncation and/or padding with 'padding=True' 'truncation=True' to have batched tensors with the same length. Perhaps your features (`labels` in this case) have excessive nesting (inputs type `list` where type `int` is expected).",
        "ValueError: Unable to create tensor, you should probably activate padding with 'padding=True' to have batched tensors with the same length.",
    ),
    "hf-no-pad-token": (
        "ValueError: Asking to pad but the tokenizer does not have a padding token. Please select a token to use as `pad_token` `(tokenizer.pad_token = tokenizer.eos_token e.g.)` or add a new pad token via `tokenizer.add_special_tokens({'pad_token': '[PAD]'})`.",
    ),
    "hf-model-not-found": (
        "OSError: bert-base is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'\nIf this is a private repository, make sure to pass a token having permission to this repo either by logging in with `hf auth login` or by passing `token=<your_token>`",
    ),
    "hf-gated": (
        "OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct.\n401 Client Error.\n\nCannot access gated repo for url https://huggingface.co/meta-llama/Llama-3.1-8B-Instruct/resolve/main/config.json.",
        "huggingface_hub.errors.GatedRepoError: 403 Client Error.\nCannot access gated repo for url https://huggingface.co/meta-llama/Llama-3.1-8B/resolve/main/config.json.",
    ),
    "hf-no-loss": (
        "ValueError: The model did not return a loss from the inputs, only the following keys: logits. For reference, the inputs it received are input_ids,attention_mask.",
    ),
    "hf-columns-removed": (
        "ValueError: No columns in the dataset match the model's forward method signature: (input_ids, attention_mask, labels). The following columns have been ignored: [text].",
    ),
    "hf-quantized-training": (
        "ValueError: You cannot perform fine-tuning on purely quantized models. Please attach trainable adapters on top of the quantized model to correctly perform fine-tuning.",
    ),
    "jax-concrete-value": (
        "jax.errors.TracerBoolConversionError: Attempted boolean conversion of traced array with shape bool[].\nThe error occurred while tracing the function f at /tmp/ipykernel_3876/2422663986.py:1 for jit.",
        "jax.errors.ConcretizationTypeError: Abstract tracer value encountered where concrete value is expected: traced array with shape int32[]",
        "jax.errors.TracerArrayConversionError: The numpy.ndarray conversion method __array__() was called on traced array with shape float32[3]",
    ),
    "jax-tracer-leak": (
        "jax.errors.UnexpectedTracerError: Encountered an unexpected tracer. A function transformed by JAX had a side effect, allowing for a reference to an intermediate value with type float32[] wrapped in a DynamicJaxprTracer to escape the scope of the transformation.",
    ),
    "jax-shapes": (
        "TypeError: add got incompatible shapes for broadcasting: (3,), (4,).",
        "TypeError: dot_general requires contracting dimensions to have the same shape, got (3,) and (4,).",
    ),
    "jax-immutable": (
        "TypeError: JAX arrays are immutable and do not support in-place item assignment. Instead of x[idx] = y, use x = x.at[idx].set(y) or another .at[] method: https://docs.jax.dev/en/latest/_autosummary/jax.numpy.ndarray.at.html",
    ),
    "missing-package": (
        "ModuleNotFoundError: No module named 'transformers'",
        "ModuleNotFoundError: No module named 'tensorboard.plugins'",
        "ImportError: Using the `Trainer` with `PyTorch` requires `accelerate>=0.26.0`: Please run `pip install transformers[torch]`",
    ),
    "binary-mismatch": (
        "RuntimeError: operator torchvision::nms does not exist",
        "ValueError: numpy.dtype size changed, may indicate binary incompatibility. Expected 96 from C header, got 88 from PyObject",
    ),
    "launched-process-failed": (
        'torch.distributed.elastic.multiprocessing.errors.ChildFailedError: \n============================================================\ntrain.py FAILED\n------------------------------------------------------------\nRoot Cause (first observed failure):\n  rank      : 0 (local_rank: 0)\n  exitcode  : -9 (pid: 12345)',
        'torch.multiprocessing.spawn.ProcessExitedException: process 0 terminated with signal SIGKILL',
    ),
    "jax-carry-types": (
        'TypeError: scan body function carry input and carry output must have equal types (e.g. shapes and dtypes of arrays), but they differ:',
    ),
    "hf-argument-renamed": (
        "TypeError: Trainer.__init__() got an unexpected keyword argument 'tokenizer'",
        "TypeError: TrainingArguments.__init__() got an unexpected keyword argument 'evaluation_strategy'",
    ),
    "hf-offline": (
        "OSError: We couldn't connect to 'https://huggingface.co' to load this file, couldn't find it in the cached files and it looks like bert-base-uncased is not the path to a directory containing a file named config.json.",
        "ConnectionError: Couldn't reach 'imdb' on the Hub (OfflineModeIsEnabled)",
    ),
    "hf-attention-missing": (
        'ImportError: FlashAttention2 has been toggled on, but it cannot be used due to the following error: the package flash_attn seems to be not installed.',
        'RuntimeError: FlashAttention only supports Ampere GPUs or newer.',
    ),
    "package-version": (
        'ImportError: tokenizers>=0.21,<0.22 is required for a normal functioning of this module, but found tokenizers==0.19.1.',
    ),
    "shared-library-missing": (
        'ImportError: libcudnn.so.9: cannot open shared object file: No such file or directory',
        'ImportError: libGL.so.1: cannot open shared object file: No such file or directory',
    ),
    "memory-shared-in-place": (
        'RuntimeError: unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory location. Please clone() the tensor before performing the operation.',
    ),
    "image-unreadable": (
        "PIL.UnidentifiedImageError: cannot identify image file 'data/cat/001.jpg'",
        'OSError: image file is truncated (5 bytes not processed)',
    ),
    "image-folder-empty": (
        "FileNotFoundError: Couldn't find any class folder in data/train.",
        'FileNotFoundError: Found no valid file for the classes dog. Supported extensions are: .jpg, .jpeg, .png',
    ),
    "disk-full": (
        "OSError: [Errno 28] No space left on device: 'runs/a/checkpoint.pt'",
        'RuntimeError: [enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0',
    ),
    "start-method-set": ("RuntimeError: context has already been set",),
    "hf-strategies-differ": (
        'ValueError: --load_best_model_at_end requires the save and eval strategy to match, except when --save_strategy="best", but found',
        'ValueError: --load_best_model_at_end requires the saving steps to be a round multiple of the evaluation steps, but found 500, which is not a round multiple of 200.',
    ),
}
