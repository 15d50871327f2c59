"""What a file may name: an allow-list of classes and functions of Keras.

The list holds what the package's own spaces and graphs write (a test builds them all and compares),
and the other layers and operations of Keras that only compute, because users search networks of
their own. Not on the list, whatever Keras itself thinks of it:

* what holds or finds code: `Lambda`, `TFSMLayer`, `TorchModuleWrapper`, `JaxLayer`, `FlaxLayer`;
* operations that take functions: `Cond`, `Map`, `Scan`, `WhileLoop` and the like;
* functions of the public API (`keras.config.*`, `keras.utils.*`): the network of a file names
  activations by a plain string.
"""

from __future__ import annotations

_LAYERS = """
Activation ActivityRegularization Add AdditiveAttention AlphaDropout Attention Average
AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D
AdaptiveMaxPooling1D AdaptiveMaxPooling2D AdaptiveMaxPooling3D
AveragePooling1D AveragePooling2D AveragePooling3D BatchNormalization Bidirectional
CategoryEncoding CenterCrop Concatenate Conv1D Conv1DTranspose Conv2D Conv2DTranspose Conv3D
Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D Cropping1D Cropping2D Cropping3D Dense
DepthwiseConv1D DepthwiseConv2D Discretization Dot Dropout ELU EinsumDense Embedding Flatten GRU
GRUCell GaussianDropout GaussianNoise GlobalAveragePooling1D GlobalAveragePooling2D
GlobalAveragePooling3D GlobalMaxPooling1D GlobalMaxPooling2D GlobalMaxPooling3D
GroupNormalization GroupQueryAttention HashedCrossing Hashing Identity InputLayer IntegerLookup
LSTM LSTMCell LayerNormalization LeakyReLU Masking MaxPooling1D MaxPooling2D MaxPooling3D Maximum
MelSpectrogram Minimum MultiHeadAttention Multiply Normalization PReLU Permute Pipeline
RMSNormalization RNN ReLU RepeatVector Rescaling Reshape Resizing ReversibleEmbedding
STFTSpectrogram SeparableConv1D SeparableConv2D SimpleRNN SimpleRNNCell Softmax SpatialDropout1D
SpatialDropout2D SpatialDropout3D SpectralNormalization StackedRNNCells StringLookup Subtract
TextVectorization TimeDistributed UnitNormalization UpSampling1D UpSampling2D UpSampling3D
ZeroPadding1D ZeroPadding2D ZeroPadding3D
AugMix AutoContrast ContrastLimitedAdaptiveHistogramEqualization CutMix Equalization MixUp
RandAugment RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur RandomGrayscale RandomHue
RandomInvert RandomPerspective RandomPosterization RandomRotation RandomSaturation RandomSharpness
RandomShear RandomTranslation RandomZoom Solarization
"""

_INITIALIZERS = """
Constant GlorotNormal GlorotUniform HeNormal HeUniform Identity LecunNormal LecunUniform Ones
Orthogonal RandomNormal RandomUniform STFT TruncatedNormal VarianceScaling Zeros
"""

# Operations have no public name: a file holds the module that defines them.
_CORE_OPERATIONS = """
Cast ConvertToTensor SaturateCast Scatter ScatterUpdate Slice SliceUpdate StopGradient Unstack
"""
_IMAGE_OPERATIONS = """
AffineTransform CropImages ExtractPatches GaussianBlur HSVToRGB MapCoordinates PadImages
PerspectiveTransform RGBToGrayscale RGBToHSV Resize ScaleAndTranslate SobelEdges
"""
_LINALG_OPERATIONS = """
Cholesky CholeskyInverse Det Eig Eigh Inv Lstsq LuFactor MatrixRank Norm Pinv Qr SVD Solve
SolveTriangular
"""
_MATH_OPERATIONS = """
CDist Erf Erfc Erfinv ExtractSequences FFT FFT2 IFFT2 IRFFT ISTFT InTopK Logdet Logsumexp RFFT Rsqrt
STFT SegmentMax SegmentMin SegmentProd SegmentSum TopK ViewAsComplex ViewAsReal
"""
_NN_OPERATIONS = """
AdaptiveAveragePool AdaptiveMaxPool AveragePool BatchNorm BinaryCrossentropy
CategoricalCrossentropy Celu Conv ConvTranspose DepthToSpace DepthwiseConv DotProductAttention Elu
Fold Gelu Glu HardShrink HardSigmoid HardSilu HardTanh LayerNorm LeakyRelu LogSigmoid LogSoftmax
MaxPool Moments MultiHot Normalize OneHot PSNR Polar RMSNorm Relu Relu6 Selu SeparableConv Sigmoid
Silu SoftShrink Softmax Softplus Softsign SpaceToDepth SparseCategoricalCrossentropy SparsePlus
SparseSigmoid Sparsemax Squareplus TanhShrink Threshold Unfold
"""
_NUMPY_OPERATIONS = """
Abs Absolute Add All AllClose Amax Amin Angle Any Append Arccos Arccosh Arcsin Arcsinh Arctan
Arctan2 Arctanh Argmax Argmin Argpartition Argsort ArraySplit Average Bincount BitwiseAnd
BitwiseInvert BitwiseLeftShift BitwiseNot BitwiseOr BitwiseRightShift BitwiseXor BroadcastTo Cbrt
Ceil Clip Concatenate Conj Conjugate Copy Corrcoef Correlate Cos Cosh CountNonzero Cross Cumprod
Cumsum Deg2rad Diag Diagflat Diagonal Diff Digitize Divide DivideNoNan Dot Dsplit Dstack Einsum
Equal Exp Exp2 ExpandDims Expm1 Fabs Flip Fliplr Flipud Floor FloorDivide Fmax Fmin Fmod FullLike
Gcd GetItem Greater GreaterEqual Heaviside Histogram Hsplit Hstack Hypot I0 Imag Inner IsIn Isclose
Isfinite Isinf Isnan Isneginf Isposinf Isreal Kron Lcm Ldexp LeftShift Less LessEqual Log Log10
Log1p Log2 Logaddexp Logaddexp2 LogicalAnd LogicalNot LogicalOr LogicalXor Matmul Max Maximum Mean
Median Meshgrid Min Minimum Mod Moveaxis Multiply NanToNum Nanargmax Nanargmin Nancumprod Nancumsum
Nanmax Nanmean Nanmedian Nanmin Nanpercentile Nanprod Nanquantile Nanstd Nansum Nanvar Ndim Negative
Nextafter Nonzero NotEqual OnesLike Outer Pad Percentile Power Prod Ptp Quantile Rad2deg Ravel Real
Reciprocal Repeat Reshape RightShift Roll Rot90 Round SearchSorted Select Sign Signbit Sin Sinc Sinh
Size Slogdet Sort Split Sqrt Square Squeeze Stack Std Subtract Sum Swapaxes Take TakeAlongAxis Tan
Tanh Tensordot Tile Trace Transpose Trapezoid Tril Triu TrueDivide Trunc Unique Var Vdot Vsplit
Vstack Where ZerosLike
"""

CLASSES = frozenset(
    (module, name)
    for module, names in {
        "keras": "DTypePolicy Sequential",
        "keras.src.models.functional": "Functional",
        "keras.layers": _LAYERS,
        "keras.initializers": _INITIALIZERS,
        # For training alone; they are in the file of a network that a user regularises.
        "keras.regularizers": "L1 L1L2 L2 OrthogonalRegularizer",
        "keras.constraints": "MaxNorm MinMaxNorm NonNeg UnitNorm",
        "keras.src.activations.activations": "Mish ReLU",
        "keras.src.ops.core": _CORE_OPERATIONS,
        "keras.src.ops.einops": "Rearrange",
        "keras.src.ops.image": _IMAGE_OPERATIONS,
        "keras.src.ops.linalg": _LINALG_OPERATIONS,
        "keras.src.ops.math": _MATH_OPERATIONS,
        "keras.src.ops.nn": _NN_OPERATIONS,
        "keras.src.ops.numpy": _NUMPY_OPERATIONS,
    }.items()
    for name in names.split()
)
"""Module and class, as Keras writes them."""

_ACTIVATIONS = """
celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu
linear log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus
softsign sparse_plus sparse_sigmoid sparsemax squareplus swish tanh tanh_shrink threshold
"""

_INITIALIZERS_IN_SHORT = """
constant glorot_normal glorot_uniform he_normal he_uniform identity lecun_normal lecun_uniform
normal one ones orthogonal random_normal random_uniform stft truncated_normal uniform
variance_scaling zero zeros
"""

_CONSTRAINTS = """
MaxNorm MinMaxNorm NonNeg UnitNorm max_norm min_max_norm non_neg unit_norm
"""

_DTYPES = """
bfloat16 bool float16 float32 float64 int8 int16 int32 int64 uint8 uint16 uint32 uint64 string
complex64 complex128 mixed_float16 mixed_bfloat16
"""

_LIBRARIES = """
keras keras_cv keras_hub keras_nlp keras_rs keras_tuner kerasnas tensorflow tf_keras
"""

ACTIVATIONS = frozenset(_ACTIVATIONS.split())
"""Activations by name."""

INITIALIZERS = frozenset(_INITIALIZERS.split()) | frozenset(_INITIALIZERS_IN_SHORT.split())
"""Initialisers by name."""

REGULARIZERS = frozenset(["L1", "L1L2", "L2", "OrthogonalRegularizer", "l1", "l1l2", "l2"])
"""Regularisers by name."""

CONSTRAINTS = frozenset(_CONSTRAINTS.split())
"""Constraints by name."""

DTYPES = frozenset(_DTYPES.split())
"""Types of numbers, and policies of them, by name."""

LIBRARIES = frozenset(_LIBRARIES.split())
"""Packages whose registered objects a file may not name, although somebody has imported them."""
